-- What people decided lately, for those who watch how many orders need a hand.
create index entry_decided on exceptions.entry (at) where kind not in ('failed', 'succeeded');
