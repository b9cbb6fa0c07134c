-- Lines that somebody has opened or closed, whatever their hours are.

CREATE TABLE rulings (
    service TEXT PRIMARY KEY,
    state   TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    message TEXT,                         -- a prompt, after which the call ends
    since   REAL NOT NULL,
    who     TEXT NOT NULL
) STRICT;
