-- Which try the refusal answered: the event, and its generation. Others who try the same at the same time are told the
-- same, so they ask under the same key.
alter table {schema}.effect
    add refused_by uuid,
    add refused_in int;
