-- Version 2: what agents themselves say that a session has cost so far with one model. It is a
-- second opinion, and no sum has a part of it. A rowid table, so that its rows look like
-- those of no other, should the file be damaged.
CREATE TABLE bill (
    agent    INTEGER NOT NULL,
    session  INTEGER NOT NULL,         -- str, as is the next one
    model    INTEGER NOT NULL,
    time     INTEGER NOT NULL,         -- 0 = unknown
    input    INTEGER NOT NULL,
    cread    INTEGER NOT NULL,
    cw5      INTEGER NOT NULL,
    cw1      INTEGER NOT NULL,
    output   INTEGER NOT NULL,
    reason   INTEGER NOT NULL,
    searches INTEGER NOT NULL,
    cost     INTEGER NOT NULL,         -- as the agent says, in millionths of a dollar
    UNIQUE (agent, session, model)
) STRICT;
