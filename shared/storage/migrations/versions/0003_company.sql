-- What members know of each other: how far each has got the messages, and what each is called.

-- Beside read_seq, which is never above it; but a gateway of the version before moves read_seq alone.
ALTER TABLE members ADD COLUMN delivered_seq bigint NOT NULL DEFAULT 0;

-- How many messages of their own a member has among the events own_from + 1 ... own_upto, remembered. It counts for as long as unread
-- is counted from own_from on, so whoever moves a marker need not know of it.
ALTER TABLE members
    ADD COLUMN own_from     bigint NOT NULL DEFAULT 0,
    ADD COLUMN own_upto     bigint NOT NULL DEFAULT 0,
    ADD COLUMN own_messages bigint NOT NULL DEFAULT 0;

-- Markers move again and again: with room in its page a row's new version needs no new entries in the indexes.
ALTER TABLE members SET (fillfactor = 80);

-- The name and picture claims of a user's latest token.
CREATE TABLE users (
    user_id text COLLATE "C" PRIMARY KEY,
    name    text,
    picture text
);
