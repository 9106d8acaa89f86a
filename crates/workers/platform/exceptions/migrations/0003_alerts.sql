-- The causes that operators have been alerted of: those that still hold, and every reason that was new once. There is
-- one alert for each cause, not one for each case.
create table exceptions.alert (
    cause     text        primary key,
    raised_at timestamptz not null default despatch_now()
);

-- When the monitor last ran.
create table exceptions.monitor (
    only_one boolean     primary key default true check (only_one),
    ran_at   timestamptz not null
);
