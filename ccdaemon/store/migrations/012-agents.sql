-- Agents who are logged in, by their phone's extension, and why they are paused, if they are.

CREATE TABLE shifts (
    extension  TEXT PRIMARY KEY,
    endpoint   TEXT NOT NULL,
    since      REAL NOT NULL,
    paused     TEXT NOT NULL,
    until      REAL NOT NULL,
    unanswered INTEGER NOT NULL
) STRICT;
