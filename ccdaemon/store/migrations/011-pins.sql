-- Wrong PINs since the last right one, by supervisor: who is locked out is so after a restart too.

CREATE TABLE pin_attempts (
    who   TEXT PRIMARY KEY,
    wrong INTEGER NOT NULL,
    last  REAL NOT NULL
) STRICT;
