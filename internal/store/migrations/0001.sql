-- Version 1. Every table is STRICT. Instants are milliseconds since 1970 UTC; -2147483648
-- stands for "undated" wherever a day or a quarter of an hour is a key. Sums are exact:
-- they change in the transaction that changes the events.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Few rows; their ids take one byte in every key below.
CREATE TABLE agent (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    events INTEGER NOT NULL
) STRICT;

-- Every string that repeats. Rows are never changed or deleted; id 0 is the empty string.
CREATE TABLE str (
    id INTEGER PRIMARY KEY,
    s  TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE file (
    id       INTEGER PRIMARY KEY,
    agent    INTEGER NOT NULL,
    path     TEXT NOT NULL,
    root     INTEGER NOT NULL,      -- str
    name     TEXT NOT NULL,
    device   INTEGER NOT NULL,
    inode    INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    modified INTEGER NOT NULL,      -- nanoseconds
    offset   INTEGER NOT NULL,
    state    BLOB,
    tail     BLOB,
    revision INTEGER NOT NULL,
    seen     INTEGER NOT NULL,
    gone     INTEGER NOT NULL,
    UNIQUE (path, agent)
) STRICT;

CREATE TABLE skip (
    file   INTEGER NOT NULL,
    reason TEXT NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (file, reason)
) STRICT, WITHOUT ROWID;

-- What neighbouring events share: one UTC day of one session in one file with one model,
-- and the sums of those events.
CREATE TABLE strand (
    id       INTEGER PRIMARY KEY,
    agent    INTEGER NOT NULL,
    day      INTEGER NOT NULL,      -- UTC, since 1970
    session  INTEGER NOT NULL,      -- str, as are the next ones
    file     INTEGER NOT NULL,      -- file
    model    INTEGER NOT NULL,
    project  INTEGER NOT NULL,
    branch   INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    service  INTEGER NOT NULL,
    flags    INTEGER NOT NULL,
    claim    INTEGER NOT NULL,
    first    INTEGER NOT NULL,      -- milliseconds of the day
    last     INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    input    INTEGER NOT NULL,
    cread    INTEGER NOT NULL,
    cw5      INTEGER NOT NULL,
    cw1      INTEGER NOT NULL,
    output   INTEGER NOT NULL,
    reason   INTEGER NOT NULL,
    cost     INTEGER NOT NULL,
    priced   INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    UNIQUE (agent, day, session, file, model, project, branch, version, service, flags, claim)
) STRICT;
CREATE INDEX strand_session ON strand (session);

-- One billed request. A rowid table: appended to in order, and readable piece by piece
-- should the file be damaged.
CREATE TABLE event (
    key      INTEGER NOT NULL UNIQUE,  -- usage.Key with the agent mixed in
    strand   INTEGER NOT NULL,
    ts       INTEGER NOT NULL,         -- milliseconds of the strand's day
    offset   INTEGER NOT NULL,
    input    INTEGER NOT NULL,
    cread    INTEGER NOT NULL,
    cw5      INTEGER NOT NULL,
    cw1      INTEGER NOT NULL,
    output   INTEGER NOT NULL,
    reason   INTEGER NOT NULL,
    counted  INTEGER,                  -- CountedAt less the time; NULL = none
    claimed  INTEGER,                  -- ClaimedAt less the time; NULL = none
    ordinal  INTEGER,                  -- row of a thread; NULL = not of a thread
    searches INTEGER NOT NULL,
    recorded INTEGER,                  -- cost as the agent logged it
    cost     INTEGER NOT NULL,
    price    INTEGER                   -- str, the price row; NULL = no price known
) STRICT;
CREATE INDEX event_strand ON event (strand);

-- Sums by quarter of an hour (UTC): what every zone and every chart is made of.
CREATE TABLE roll (
    q        INTEGER NOT NULL,         -- quarters of an hour since 1970
    agent    INTEGER NOT NULL,
    model    INTEGER NOT NULL,
    project  INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    input    INTEGER NOT NULL,
    cread    INTEGER NOT NULL,
    cw5      INTEGER NOT NULL,
    cw1      INTEGER NOT NULL,
    output   INTEGER NOT NULL,
    reason   INTEGER NOT NULL,
    cost     INTEGER NOT NULL,
    priced   INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (q, agent, model, project)
) STRICT, WITHOUT ROWID;

-- The same by local day of the zone in meta, because a year of quarters is too much for
-- one frame.
CREATE TABLE day (
    d        INTEGER NOT NULL,         -- days since 1970 on the local calendar
    agent    INTEGER NOT NULL,
    model    INTEGER NOT NULL,
    project  INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    input    INTEGER NOT NULL,
    cread    INTEGER NOT NULL,
    cw5      INTEGER NOT NULL,
    cw1      INTEGER NOT NULL,
    output   INTEGER NOT NULL,
    reason   INTEGER NOT NULL,
    cost     INTEGER NOT NULL,
    priced   INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (d, agent, model, project)
) STRICT, WITHOUT ROWID;

-- Two keys that turned out to be one request: the row is kept under target.
CREATE TABLE redirect (
    key    INTEGER PRIMARY KEY,
    target INTEGER NOT NULL
) STRICT;
CREATE TABLE twin (
    twin INTEGER PRIMARY KEY,
    key  INTEGER NOT NULL
) STRICT;

CREATE TABLE thread (
    id        INTEGER PRIMARY KEY,
    agent     INTEGER NOT NULL,
    name      INTEGER NOT NULL,        -- str
    dirty     INTEGER,                 -- lowest row written since its family was last asked
    unsettled INTEGER NOT NULL,        -- its own lineage has to be asked again
    UNIQUE (agent, name)
) STRICT;
CREATE INDEX thread_open ON thread (agent) WHERE dirty IS NOT NULL OR unsettled;

-- What each file of a thread says of its lineage.
CREATE TABLE lineage (
    thread    INTEGER NOT NULL,
    file      INTEGER NOT NULL,
    parents   TEXT NOT NULL,           -- a line each, nearest first
    inherited INTEGER NOT NULL,
    exact     INTEGER NOT NULL,
    PRIMARY KEY (thread, file)
) STRICT, WITHOUT ROWID;

-- The same joined: child and ancestor are names (str), the ancestor may be missing.
CREATE TABLE parent (
    agent    INTEGER NOT NULL,
    child    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name     INTEGER NOT NULL,
    PRIMARY KEY (agent, child, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX parent_name ON parent (agent, name);

CREATE TABLE mark (
    thread  INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    print   INTEGER NOT NULL,
    row     INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    PRIMARY KEY (thread, ordinal)
) STRICT, WITHOUT ROWID;

-- Where Settle put the leading rows of a thread.
CREATE TABLE segment (
    thread INTEGER NOT NULL,
    first  INTEGER NOT NULL,
    rows   INTEGER NOT NULL,
    owner  INTEGER NOT NULL,           -- str
    known  INTEGER NOT NULL,
    PRIMARY KEY (thread, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX segment_owner ON segment (owner);

CREATE TABLE session (
    agent          INTEGER NOT NULL,
    id             INTEGER NOT NULL,   -- str
    project        INTEGER NOT NULL,
    branch         INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    model          INTEGER NOT NULL,
    parent         INTEGER NOT NULL,
    context_tokens INTEGER NOT NULL,
    context_window INTEGER NOT NULL,
    time           INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE series (
    id      INTEGER PRIMARY KEY,
    agent   INTEGER NOT NULL,
    thread  INTEGER NOT NULL,          -- thread, 0 = none
    account INTEGER NOT NULL,          -- str, as are the next ones
    limits  INTEGER NOT NULL,
    source  INTEGER NOT NULL,
    plan    INTEGER NOT NULL,
    reached INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    UNIQUE (agent, thread, account, limits, source, plan, reached, minutes)
) STRICT;

-- A run of equal readings. A position is the row of the thread, or the time where there is
-- no thread.
CREATE TABLE sample (
    series INTEGER NOT NULL,
    begin  INTEGER NOT NULL,           -- position of the first reading
    finish INTEGER NOT NULL,           -- and of the last
    first  INTEGER NOT NULL,           -- time of the first reading
    last   INTEGER NOT NULL,
    used   REAL NOT NULL,
    resets INTEGER NOT NULL,
    PRIMARY KEY (series, begin)
) STRICT, WITHOUT ROWID;
CREATE INDEX sample_last ON sample (last);
