-- The logs. Every key is led by conversation_id, so that a database which distributes by it can take the tables as they are.

CREATE TABLE history_epoch (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch             uuid NOT NULL,
    system_identifier bigint NOT NULL,
    timeline          integer NOT NULL
);

-- A CHECK of a table is read and prepared anew by every statement that writes a row, whichever columns it touches, and these rows are
-- written with each message. A domain's is looked at where its value is.
CREATE DOMAIN log_kind AS text CHECK (VALUE IN ('group', 'direct', 'inbox'));
CREATE DOMAIN log_history AS text CHECK (VALUE IN ('all', 'joined'));

-- One row a log: a group's conversation, a direct one, or a user's inbox. The row's lock is what gives the log its one order.
CREATE TABLE conversations (
    conversation_id uuid PRIMARY KEY,
    kind            log_kind NOT NULL,
    head            bigint NOT NULL DEFAULT 0,
    messages        bigint NOT NULL DEFAULT 0,
    generation      integer NOT NULL DEFAULT 0,
    title           text,
    history         log_history NOT NULL DEFAULT 'all'
) WITH (fillfactor = 50);

CREATE TABLE events (
    conversation_id uuid NOT NULL,
    seq             bigint NOT NULL,
    sender          text NOT NULL,
    id              uuid NOT NULL,
    type            text NOT NULL,
    text            text,
    data            jsonb,
    digest          bytea NOT NULL,
    messages        bigint NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, seq),
    UNIQUE (conversation_id, sender, id) INCLUDE (seq)
);

CREATE TABLE members (
    conversation_id uuid NOT NULL,
    user_id         text NOT NULL,
    role            text NOT NULL CHECK (role IN ('owner', 'moderator', 'member')),
    joined_seq      bigint NOT NULL,
    visible_from    bigint NOT NULL,
    inbox_seq       bigint NOT NULL,
    read_seq        bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id, conversation_id);

-- The epoch, renewed when this is another database system or another timeline than the one that it was given to.
CREATE FUNCTION current_epoch() RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _system bigint;
    _timeline integer;
    _epoch uuid;
BEGIN
    SELECT system_identifier INTO _system FROM pg_control_system();
    SELECT timeline_id INTO _timeline FROM pg_control_checkpoint();
    SELECT epoch INTO _epoch FROM history_epoch WHERE (system_identifier, timeline) = (_system, _timeline);
    IF FOUND THEN
        RETURN _epoch;
    END IF;
    INSERT INTO history_epoch AS e (epoch, system_identifier, timeline) VALUES (gen_random_uuid(), _system, _timeline)
    ON CONFLICT (only_row) DO UPDATE SET
        epoch = CASE WHEN (e.system_identifier, e.timeline) = (_system, _timeline) THEN e.epoch ELSE excluded.epoch END,
        system_identifier = _system,
        timeline = _timeline
    RETURNING e.epoch INTO _epoch;
    RETURN _epoch;
END $$;

-- Append a batch of messages. Statement one takes the rows' locks, statement two begins (and takes its snapshot) after that:
-- whatever another writer committed before it let a row go is seen by the search for duplicates.
--
-- status: stored, duplicate (seq and at are the first one's), id_reused, not_found, busy (another writer holds the row; only
-- where patient is false).
CREATE FUNCTION append_messages(
    _conversations uuid[], _senders text[], _ids uuid[], _texts text[], _digests bytea[], _patient boolean
) RETURNS TABLE (
    ordinal integer, status text, seq bigint, at timestamptz, messages bigint, generation integer, epoch uuid
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _locked uuid[];
    _epoch uuid;
    _now timestamptz;
BEGIN
    IF _patient THEN
        SELECT coalesce(array_agg(l.conversation_id), '{}') INTO _locked FROM (
            SELECT c.conversation_id FROM conversations c
            WHERE c.conversation_id = ANY (_conversations) ORDER BY c.conversation_id FOR NO KEY UPDATE
        ) l;
    ELSE
        SELECT coalesce(array_agg(l.conversation_id), '{}') INTO _locked FROM (
            SELECT c.conversation_id FROM conversations c
            WHERE c.conversation_id = ANY (_conversations) ORDER BY c.conversation_id FOR NO KEY UPDATE SKIP LOCKED
        ) l;
    END IF;
    SELECT h.epoch INTO STRICT _epoch FROM history_epoch h;
    _now := clock_timestamp();
    RETURN QUERY
    WITH input AS (
        SELECT i.ordinal::integer AS ordinal, i.conversation_id, i.sender, i.id, i.text, i.digest,
               c.conversation_id = ANY (_locked) AS is_locked, c.head, c.messages, c.generation,
               c.conversation_id IS NOT NULL AS is_there,
               i.sender = '' OR m.user_id IS NOT NULL AS is_member,
               row_number() OVER (PARTITION BY i.conversation_id, i.sender, i.id ORDER BY i.ordinal) AS nth
        FROM unnest(_conversations, _senders, _ids, _texts, _digests) WITH ORDINALITY
             AS i (conversation_id, sender, id, text, digest, ordinal)
        LEFT JOIN conversations c ON c.conversation_id = i.conversation_id AND c.kind <> 'inbox'
        LEFT JOIN members m ON m.conversation_id = i.conversation_id AND m.user_id = i.sender
    ), known AS (
        SELECT i.ordinal, e.seq, e.at, e.messages, e.digest
        FROM input i JOIN events e ON (e.conversation_id, e.sender, e.id) = (i.conversation_id, i.sender, i.id)
        WHERE i.is_locked
    ), fresh AS (
        SELECT i.*, row_number() OVER (PARTITION BY i.conversation_id ORDER BY i.ordinal) AS n
        FROM input i LEFT JOIN known k ON k.ordinal = i.ordinal
        WHERE i.nth = 1 AND i.is_locked AND i.is_member AND k.ordinal IS NULL
    ), inserted AS (
        INSERT INTO events AS e (conversation_id, seq, sender, id, type, text, digest, messages, at)
        SELECT f.conversation_id, f.head + f.n, f.sender, f.id, 'message', f.text, f.digest, f.messages + f.n, _now FROM fresh f
    ), advanced AS (
        UPDATE conversations c SET head = c.head + g.n, messages = c.messages + g.n
        FROM (SELECT f.conversation_id, count(*) AS n FROM fresh f GROUP BY 1) g
        WHERE c.conversation_id = g.conversation_id
    )
    SELECT i.ordinal,
           CASE
               WHEN NOT i.is_there THEN 'not_found'
               WHEN NOT i.is_locked THEN 'busy'
               WHEN k.ordinal IS NOT NULL THEN CASE WHEN k.digest = i.digest THEN 'duplicate' ELSE 'id_reused' END
               WHEN NOT i.is_member THEN 'not_found'
               WHEN i.nth > 1 THEN CASE WHEN f.digest = i.digest THEN 'duplicate' ELSE 'id_reused' END
               ELSE 'stored'
           END,
           coalesce(k.seq, f.head + f.n), coalesce(k.at, _now), coalesce(k.messages, f.messages + f.n), i.generation, _epoch
    FROM input i
    LEFT JOIN known k ON k.ordinal = i.ordinal
    LEFT JOIN fresh f ON (f.conversation_id, f.sender, f.id) = (i.conversation_id, i.sender, i.id)
    ORDER BY i.ordinal;
END $$;

-- Write one event into each of the named users' inboxes, whose rows the caller has locked. Returns the users' new heads.
CREATE FUNCTION append_to_inboxes(
    _inboxes uuid[], _users text[], _conversation uuid, _sender text, _id uuid, _roles text[], _joined bigint, _now timestamptz
) RETURNS TABLE (user_id text, inbox uuid, seq bigint) LANGUAGE sql VOLATILE AS $$
    WITH advanced AS (
        UPDATE conversations c SET head = c.head + 1
        FROM unnest(_inboxes, _users, _roles) AS i (inbox, user_id, role)
        WHERE c.conversation_id = i.inbox
        RETURNING i.inbox, i.user_id, i.role, c.head
    ), written AS (
        INSERT INTO events (conversation_id, seq, sender, id, type, data, digest, messages, at)
        SELECT a.inbox, a.head, _sender, md5(_conversation::text || _id::text)::uuid, 'joined',
               jsonb_build_object('conversation', _conversation, 'role', a.role, 'joined', _joined), '', 0, _now
        FROM advanced a
    )
    SELECT a.user_id, a.inbox, a.head FROM advanced a
$$;

-- Take the locks of logs in the one order that everybody takes them in, making the inboxes that are not there yet.
CREATE FUNCTION lock_logs(_inboxes uuid[], _conversation uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO conversations (conversation_id, kind)
    SELECT DISTINCT i, 'inbox' FROM unnest(_inboxes) i ORDER BY i ON CONFLICT DO NOTHING;
    PERFORM 1 FROM (
        SELECT FROM conversations c WHERE c.conversation_id = ANY (_inboxes || _conversation)
        ORDER BY c.conversation_id FOR NO KEY UPDATE
    ) l;
END $$;

-- Create a conversation. Its id is made from creator and request, so the primary key makes a repeated request the same one.
-- status: stored, duplicate, id_reused. inboxes: [{user_id, inbox, seq}] where stored.
CREATE FUNCTION create_conversation(
    _conversation uuid, _sender text, _id uuid, _title text, _history text,
    _users text[], _roles text[], _inboxes uuid[], _digest bytea
) RETURNS TABLE (status text, seq bigint, at timestamptz, messages bigint, generation integer, epoch uuid, inboxes jsonb)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    _written jsonb;
BEGIN
    INSERT INTO conversations (conversation_id, kind, head, title, history) VALUES (_conversation, 'group', 1, _title, _history)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN QUERY
        SELECT CASE WHEN e.digest = _digest THEN 'duplicate' ELSE 'id_reused' END, e.seq, e.at, e.messages, 0, h.epoch, NULL::jsonb
        FROM events e, history_epoch h WHERE e.conversation_id = _conversation AND e.seq = 1;
        RETURN;
    END IF;
    PERFORM lock_logs(_inboxes, _conversation);
    INSERT INTO events (conversation_id, seq, sender, id, type, data, digest, messages, at)
    SELECT _conversation, 1, _sender, _id, 'created', jsonb_build_object('title', _title, 'history', _history, 'members',
           jsonb_agg(jsonb_build_object('user', u.user_id, 'role', u.role) ORDER BY u.n)), _digest, 0, _now
    FROM unnest(_users, _roles) WITH ORDINALITY AS u (user_id, role, n);
    WITH written AS (
        SELECT * FROM append_to_inboxes(_inboxes, _users, _conversation, _sender, _id, _roles, 1, _now)
    ), joined AS (
        INSERT INTO members (conversation_id, user_id, role, joined_seq, visible_from, inbox_seq)
        SELECT _conversation, u.user_id, u.role, 1, 1, w.seq
        FROM unnest(_users, _roles) AS u (user_id, role) JOIN written w USING (user_id)
    )
    SELECT jsonb_agg(to_jsonb(w)) INTO _written FROM written w;
    RETURN QUERY SELECT 'stored', 1::bigint, _now, 0::bigint, 0, h.epoch, _written FROM history_epoch h;
END $$;

-- Add one member. status: stored, duplicate, id_reused, not_found, forbidden, already_member.
CREATE FUNCTION add_member(
    _conversation uuid, _sender text, _id uuid, _user text, _role text, _inbox uuid, _digest bytea
) RETURNS TABLE (status text, seq bigint, at timestamptz, messages bigint, generation integer, epoch uuid, inboxes jsonb)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now timestamptz;
    _c conversations;
    _known events;
    _sender_role text;
    _epoch uuid;
    _written jsonb;
    _status text := 'stored';
BEGIN
    PERFORM lock_logs(ARRAY[_inbox], _conversation);
    _now := clock_timestamp();
    SELECT h.epoch INTO STRICT _epoch FROM history_epoch h;
    SELECT * INTO _c FROM conversations c WHERE c.conversation_id = _conversation AND c.kind <> 'inbox';
    SELECT * INTO _known FROM events e WHERE (e.conversation_id, e.sender, e.id) = (_conversation, _sender, _id);
    SELECT m.role INTO _sender_role FROM members m WHERE m.conversation_id = _conversation AND m.user_id = _sender;
    IF _known.seq IS NOT NULL THEN
        _status := CASE WHEN _known.digest = _digest THEN 'duplicate' ELSE 'id_reused' END;
    ELSIF _c.conversation_id IS NULL OR (_sender <> '' AND _sender_role IS NULL) THEN
        _status := 'not_found';
    ELSIF _sender <> '' AND _sender_role <> 'owner' AND NOT (_sender_role = 'moderator' AND _role = 'member') THEN
        _status := 'forbidden';
    ELSIF EXISTS (SELECT FROM members m WHERE m.conversation_id = _conversation AND m.user_id = _user) THEN
        _status := 'already_member';
    END IF;
    IF _status <> 'stored' THEN
        RETURN QUERY SELECT _status, _known.seq, _known.at, _known.messages, _c.generation, _epoch, NULL::jsonb;
        RETURN;
    END IF;
    UPDATE conversations c SET head = c.head + 1 WHERE c.conversation_id = _conversation;
    INSERT INTO events (conversation_id, seq, sender, id, type, data, digest, messages, at)
    VALUES (_conversation, _c.head + 1, _sender, _id, 'joined', jsonb_build_object('user', _user, 'role', _role),
            _digest, _c.messages, _now);
    WITH written AS (
        SELECT * FROM append_to_inboxes(
            ARRAY[_inbox], ARRAY[_user], _conversation, _sender, _id, ARRAY[_role], _c.head + 1, _now)
    ), joined AS (
        INSERT INTO members (conversation_id, user_id, role, joined_seq, visible_from, inbox_seq)
        SELECT _conversation, _user, _role, _c.head + 1, CASE _c.history WHEN 'all' THEN 1 ELSE _c.head + 1 END, w.seq
        FROM written w
    )
    SELECT jsonb_agg(to_jsonb(w)) INTO _written FROM written w;
    RETURN QUERY SELECT _status, _c.head + 1, _now, _c.messages, _c.generation, _epoch, _written;
END $$;
