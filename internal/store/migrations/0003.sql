-- Version 3. What was forecast of an allowance window while it ran: at most one row of each
-- model for each twentieth of the window. When the window is over, it tells how good the
-- forecasts were.
CREATE TABLE forecast (
    agent   INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    account INTEGER NOT NULL,      -- str
    limits  INTEGER NOT NULL,      -- str
    at      INTEGER NOT NULL,
    model   INTEGER NOT NULL,      -- str
    resets  INTEGER NOT NULL,
    low     REAL NOT NULL,         -- used percent at the reset: P10, P50, P90
    middle  REAL NOT NULL,
    high    REAL NOT NULL,
    risk    REAL NOT NULL,         -- probability that it runs out
    PRIMARY KEY (agent, minutes, account, limits, at, model)
) STRICT, WITHOUT ROWID;
