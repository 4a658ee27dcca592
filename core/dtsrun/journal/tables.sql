-- The journal's tables. Values that only Python reads are JSON.
create table if not exists task (
    name text primary key,
    id text not null,
    state text not null,
    spec_path text not null,
    digest text not null,
    migration_type text not null,
    started_at text not null,
    finished_at text,
    runner text not null,
    summary text not null default '{}'
);
create table if not exists plan (task text primary key, data blob not null);
create table if not exists step (
    task text not null,
    key text not null,
    stage text not null,
    plugin text not null,
    title text not null,
    database text,
    lane text not null,
    size integer not null,
    state text not null default 'waiting',
    worker text,
    started_at text,
    finished_at text,
    rows integer not null default 0,
    bytes integer not null default 0,
    epoch integer,
    message text not null default '',
    tables integer not null default 1,
    primary key (task, key)
);
create table if not exists event (
    id integer primary key autoincrement,
    task text not null,
    at text not null,
    kind text not null,
    step text,
    message text not null,
    data text not null
);
create index if not exists event_by_task on event (task, id);
create table if not exists check_result (task text not null, step text not null, data text not null);
create table if not exists difference (task text not null, step text not null, data text not null);
create table if not exists deviation (task text not null, step text not null, data text not null);
create table if not exists alignment (task text not null, step text not null, data text not null);
create table if not exists failure (task text not null, step text not null, data text not null);
create table if not exists creation (
    task text not null, side text not null, what text not null, name text not null,
    database text not null default '', undo text,
    primary key (task, side, what, name, database)
);
create table if not exists request (
    id integer primary key autoincrement,
    task text not null,
    at text not null,
    what text not null,
    arguments text not null default '{}',
    by text not null default '',
    state text not null default 'asked',
    message text not null default '',
    answered_at text
);
