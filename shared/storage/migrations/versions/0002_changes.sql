-- Everything that can be done to a message or a conversation, as events of its log. The functions of 0001 stay, for gateways of
-- the version before that run beside new ones.

-- The seq of the message that an edit, a deletion or a reaction is about, or that a reply answers.
ALTER TABLE events ADD COLUMN target bigint;
CREATE INDEX events_by_target ON events (conversation_id, target, seq) WHERE target IS NOT NULL;

-- Users are told apart byte by byte. Any other collation makes each look-up compare them by its language's rules.
ALTER TABLE events ALTER COLUMN sender TYPE text COLLATE "C";
ALTER TABLE members ALTER COLUMN user_id TYPE text COLLATE "C";

CREATE DOMAIN log_access AS text CHECK (VALUE IN ('invited', 'open'));
ALTER TABLE conversations
    ADD COLUMN topic text,
    ADD COLUMN access log_access NOT NULL DEFAULT 'invited';

-- Who reacts to what now. The log has how it came to be.
CREATE TABLE reactions (
    conversation_id uuid NOT NULL,
    seq             bigint NOT NULL,
    emoji           text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    since           bigint NOT NULL,
    PRIMARY KEY (conversation_id, seq, emoji, user_id)
);

CREATE TABLE invitations (
    conversation_id uuid NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    role            text NOT NULL CHECK (role IN ('owner', 'moderator', 'member')),
    PRIMARY KEY (conversation_id, user_id)
);

-- Store one event about a message in a conversation whose row the caller has locked; return its status, and the counts that rise.
--
-- status: stored, forbidden (not the author; not a moderator), no_message (the target is no message that the sender may see),
-- erased (it was deleted), unchanged (the reaction is there, or is not), too_many (kinds of reactions).
CREATE FUNCTION apply_event(
    _conversation uuid, _head bigint, _messages bigint, _member members, _sender text, _id uuid, _type text, _text text,
    _target bigint, _digest bytea, _at timestamptz
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _about events;
    _is_moderator boolean := _sender = '' OR _member.role IN ('owner', 'moderator');
BEGIN
    IF _target IS NOT NULL THEN
        SELECT * INTO _about FROM events e WHERE e.conversation_id = _conversation AND e.seq = _target AND e.type = 'message';
        IF NOT FOUND OR _target < coalesce(_member.visible_from, 1) THEN
            RETURN 'no_message';
        ELSIF _about.text IS NULL THEN
            RETURN 'erased';
        END IF;
    END IF;
    IF _type = 'edited' AND _about.sender <> _sender THEN
        RETURN 'forbidden';
    ELSIF _type = 'deleted' THEN
        IF _about.sender <> _sender AND NOT _is_moderator THEN
            RETURN 'forbidden';
        END IF;
        UPDATE events e SET text = NULL, data = jsonb_build_object('deleted', _head + 1)
        WHERE e.conversation_id = _conversation AND e.seq = _target;
        UPDATE events e SET text = NULL
        WHERE e.conversation_id = _conversation AND e.target = _target AND e.type = 'edited';
        DELETE FROM reactions r WHERE r.conversation_id = _conversation AND r.seq = _target;
    ELSIF _type = 'reacted' THEN
        IF (SELECT count(DISTINCT r.emoji) FROM reactions r
            WHERE r.conversation_id = _conversation AND r.seq = _target AND r.emoji <> _text) >= 50 THEN
            RETURN 'too_many';
        END IF;
        INSERT INTO reactions (conversation_id, seq, emoji, user_id, since)
        VALUES (_conversation, _target, _text, _sender, _head + 1) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN 'unchanged';
        END IF;
    ELSIF _type = 'unreacted' THEN
        DELETE FROM reactions r WHERE (r.conversation_id, r.seq, r.emoji, r.user_id) = (_conversation, _target, _text, _sender);
        IF NOT FOUND THEN
            RETURN 'unchanged';
        END IF;
    END IF;
    INSERT INTO events (conversation_id, seq, sender, id, type, text, target, digest, messages, at)
    VALUES (_conversation, _head + 1, _sender, _id, _type, _text, _target, _digest,
            _messages + (_type = 'message')::integer, _at);
    RETURN 'stored';
END $$;

-- Append a batch of messages, edits, deletions and reactions. Statement one takes the rows' locks; what comes after it takes its
-- snapshots after that, so that whatever another writer committed before it let a row go is seen by the search for duplicates.
-- Of a larger batch, conversations that it has messages alone of are appended to as a set; else each event sees the one before.
--
-- status: those of apply_event, and duplicate (seq and at are the first one's), id_reused, not_found, busy (nothing was done, the
-- next batch knows more: another writer holds the row, unless patient, or the same id stands before it in this batch). The rows
-- come in any order: ordinal (from 1) says whose they are.
CREATE FUNCTION append_events(
    _conversations uuid[], _senders text[], _ids uuid[], _types text[], _texts text[], _targets bigint[], _digests bytea[],
    _patient boolean
) RETURNS TABLE (
    ordinal integer, status text, seq bigint, at timestamptz, messages bigint, generation integer, epoch uuid
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _open uuid[];
    _locked uuid[];
    _has_all boolean;
    _mixed uuid[];
    _epoch uuid;
    _now timestamptz;
    _c conversations;
    _i record;
    _known events;
    _member members;
    _status text;
BEGIN
    -- A lock writes to the log: whoever has no business there would hear from the delay that the conversation is there.
    IF cardinality(_ids) <= 4 THEN
        SELECT array_agg(m.conversation_id) INTO _open FROM members m
        WHERE m.conversation_id = ANY (_conversations) AND m.user_id = ANY (_senders);
    END IF;
    IF (_open @> _conversations) IS NOT TRUE THEN
        SELECT coalesce(array_agg(DISTINCT i.conversation_id), '{}') INTO _open
        FROM unnest(_conversations, _senders, _ids) AS i (conversation_id, sender, id)
        WHERE i.sender = ''
           OR EXISTS (SELECT FROM members m WHERE m.conversation_id = i.conversation_id AND m.user_id = i.sender)
           OR EXISTS (SELECT FROM events e WHERE (e.conversation_id, e.sender, e.id) = (i.conversation_id, i.sender, i.id));
    END IF;
    IF _patient THEN
        SELECT coalesce(array_agg(l.conversation_id), '{}') INTO _locked FROM (
            SELECT c.conversation_id FROM conversations c
            WHERE c.conversation_id = ANY (_open) ORDER BY c.conversation_id FOR NO KEY UPDATE
        ) l;
    ELSE
        SELECT coalesce(array_agg(l.conversation_id), '{}') INTO _locked FROM (
            SELECT c.conversation_id FROM conversations c
            WHERE c.conversation_id = ANY (_open) ORDER BY c.conversation_id FOR NO KEY UPDATE SKIP LOCKED
        ) l;
    END IF;
    SELECT h.epoch INTO STRICT _epoch FROM history_epoch h;
    _now := clock_timestamp();
    IF cardinality(_ids) <= 4 THEN
        -- To start the great statement takes longer than to store a few events one by one.
        _mixed := _conversations;
    ELSE
        SELECT coalesce(array_agg(DISTINCT i.conversation_id), '{}') INTO _mixed
        FROM unnest(_conversations, _types, _targets) AS i (conversation_id, type, target)
        WHERE i.type <> 'message' OR i.target IS NOT NULL;
        -- Looking each row up in a long array costs; mostly there is no need to.
        _has_all := cardinality(_locked) = (SELECT count(DISTINCT i) FROM unnest(_conversations) i);

        -- No join among the batch's own rows: the planner takes any array to have ten, and would compare each with each.
        RETURN QUERY
        WITH input AS (
            SELECT i.ordinal::integer AS ordinal, i.conversation_id, i.sender, i.id, i.text, i.digest,
                   c.head, c.messages, c.generation, c.conversation_id IS NOT NULL AS is_there,
                   _has_all OR c.conversation_id = ANY (_locked) AS is_locked,
                   i.sender = '' OR m.user_id IS NOT NULL AS is_member,
                   e.seq AS known_seq, e.at AS known_at, e.messages AS known_messages, e.digest AS known_digest,
                   row_number() OVER (PARTITION BY i.id, i.conversation_id, i.sender ORDER BY i.ordinal) AS nth
            FROM unnest(_conversations, _senders, _ids, _texts, _digests) WITH ORDINALITY
                 AS i (conversation_id, sender, id, text, digest, ordinal)
            LEFT JOIN conversations c ON c.conversation_id = i.conversation_id AND c.kind <> 'inbox'
            LEFT JOIN members m ON m.conversation_id = i.conversation_id AND m.user_id = i.sender
            LEFT JOIN events e ON (e.conversation_id, e.sender, e.id) = (i.conversation_id, i.sender, i.id)
            WHERE NOT i.conversation_id = ANY (_mixed)
        ), judged AS (
            SELECT *, is_there AND is_locked AND is_member AND known_seq IS NULL AND nth = 1 AS is_fresh FROM input
        ), numbered AS (
            SELECT *, count(*) FILTER (WHERE is_fresh) OVER (PARTITION BY conversation_id ORDER BY judged.ordinal) AS n FROM judged
        ), inserted AS (
            INSERT INTO events AS e (conversation_id, seq, sender, id, type, text, digest, messages, at)
            SELECT f.conversation_id, f.head + f.n, f.sender, f.id, 'message', f.text, f.digest, f.messages + f.n, _now
            FROM numbered f WHERE f.is_fresh
        ), advanced AS (
            UPDATE conversations c SET head = c.head + g.n, messages = c.messages + g.n
            FROM (SELECT f.conversation_id, max(f.n) AS n FROM numbered f WHERE f.is_fresh GROUP BY 1) g
            WHERE c.conversation_id = g.conversation_id
        )
        SELECT i.ordinal,
               CASE
                   WHEN NOT i.is_there THEN 'not_found'
                   WHEN i.known_seq IS NOT NULL THEN CASE WHEN i.known_digest = i.digest THEN 'duplicate' ELSE 'id_reused' END
                   WHEN NOT i.is_member THEN 'not_found'
                   WHEN NOT i.is_locked OR i.nth > 1 THEN 'busy'
                   ELSE 'stored'
               END,
               coalesce(i.known_seq, i.head + i.n), coalesce(i.known_at, _now), coalesce(i.known_messages, i.messages + i.n),
               i.generation, _epoch
        FROM numbered i;
    END IF;

    FOR _i IN
        SELECT i.n::integer AS ordinal, i.*, i.conversation_id = ANY (_locked) AS is_locked
        FROM unnest(_conversations, _senders, _ids, _types, _texts, _targets, _digests) WITH ORDINALITY
             AS i (conversation_id, sender, id, type, text, target, digest, n)
        WHERE i.conversation_id = ANY (_mixed) ORDER BY i.n
    LOOP
        ordinal := _i.ordinal; seq := NULL; at := _now; messages := NULL; generation := NULL; epoch := _epoch;
        SELECT * INTO _c FROM conversations c WHERE c.conversation_id = _i.conversation_id AND c.kind <> 'inbox';
        IF NOT FOUND THEN
            status := 'not_found';
        ELSE
            SELECT * INTO _known FROM events e WHERE (e.conversation_id, e.sender, e.id) = (_i.conversation_id, _i.sender, _i.id);
            SELECT * INTO _member FROM members m WHERE m.conversation_id = _i.conversation_id AND m.user_id = _i.sender;
            generation := _c.generation;
            IF _known.seq IS NOT NULL THEN
                status := CASE WHEN _known.digest = _i.digest THEN 'duplicate' ELSE 'id_reused' END;
                seq := _known.seq; at := _known.at; messages := _known.messages;
            ELSIF _i.sender <> '' AND _member.user_id IS NULL THEN
                status := 'not_found';
            ELSIF NOT _i.is_locked THEN
                status := 'busy';
            ELSE
                status := apply_event(_i.conversation_id, _c.head, _c.messages, _member, _i.sender, _i.id, _i.type, _i.text,
                                      _i.target, _i.digest, _now);
            END IF;
            IF status = 'stored' THEN
                seq := _c.head + 1;
                messages := _c.messages + (_i.type = 'message')::integer;
                generation := _c.generation + (_i.type = 'deleted')::integer;
                UPDATE conversations c SET head = append_events.seq, messages = append_events.messages,
                                           generation = append_events.generation
                WHERE c.conversation_id = _i.conversation_id;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- Write one event into each of the named users' inboxes, whose rows the caller has locked; return them. Their ids are made from the
-- conversation too: a client may use one id in two conversations.
CREATE FUNCTION tell_inboxes(
    _inboxes uuid[], _users text[], _type text, _data jsonb[], _conversation uuid, _sender text, _id uuid, _now timestamptz
) RETURNS TABLE (user_id text, inbox uuid, seq bigint, id uuid, data jsonb) LANGUAGE sql VOLATILE AS $$
    WITH advanced AS (
        UPDATE conversations c SET head = c.head + 1
        FROM unnest(_inboxes, _users, _data) AS i (inbox, user_id, data)
        WHERE c.conversation_id = i.inbox
        RETURNING i.inbox, i.user_id, c.head, md5(_conversation::text || _sender || _id::text)::uuid AS id, i.data
    ), written AS (
        INSERT INTO events (conversation_id, seq, sender, id, type, data, digest, messages, at)
        SELECT a.inbox, a.head, _sender, a.id, _type, jsonb_build_object('conversation', _conversation) || a.data, '', 0, _now
        FROM advanced a
    )
    SELECT a.user_id, a.inbox, a.head, a.id, a.data FROM advanced a
$$;

-- Create a conversation, a group's or a direct one. The id is made from creator and request, or from a direct conversation's two
-- users, so the primary key makes a repeated request the same one.
-- status: stored, duplicate, id_reused. inboxes: [{user_id, inbox, seq, id, data}] where stored.
CREATE FUNCTION start_conversation(
    _conversation uuid, _kind text, _sender text, _id uuid, _title text, _topic text, _history text, _access text,
    _users text[], _roles text[], _inboxes uuid[], _digest bytea
) RETURNS TABLE (status text, seq bigint, at timestamptz, messages bigint, generation integer, epoch uuid, inboxes jsonb)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    _written jsonb;
BEGIN
    INSERT INTO conversations (conversation_id, kind, head, title, topic, history, access)
    VALUES (_conversation, _kind, 1, _title, _topic, _history, _access) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN QUERY
        SELECT CASE WHEN e.digest = _digest THEN 'duplicate' ELSE 'id_reused' END, e.seq, e.at, e.messages, 0, h.epoch, NULL::jsonb
        FROM events e, history_epoch h WHERE e.conversation_id = _conversation AND e.seq = 1;
        RETURN;
    END IF;
    PERFORM lock_logs(_inboxes, _conversation);
    INSERT INTO events (conversation_id, seq, sender, id, type, data, digest, messages, at)
    SELECT _conversation, 1, _sender, _id, 'created',
           jsonb_build_object('kind', _kind, 'title', _title, 'topic', _topic, 'history', _history, 'access', _access, 'members',
                              jsonb_agg(jsonb_build_object('user', u.user_id, 'role', u.role) ORDER BY u.n)), _digest, 0, _now
    FROM unnest(_users, _roles) WITH ORDINALITY AS u (user_id, role, n);
    WITH written AS (
        SELECT * FROM tell_inboxes(
            _inboxes, _users, 'joined',
            ARRAY(SELECT jsonb_build_object('role', r.role, 'joined', 1)
                  FROM unnest(_roles) WITH ORDINALITY AS r (role, n) ORDER BY r.n),
            _conversation, _sender, _id, _now)
    ), joined AS (
        INSERT INTO members (conversation_id, user_id, role, joined_seq, visible_from, inbox_seq)
        SELECT _conversation, u.user_id, u.role, 1, 1, w.seq
        FROM unnest(_users, _roles) AS u (user_id, role) JOIN written w USING (user_id)
    )
    SELECT jsonb_agg(to_jsonb(w)) INTO _written FROM written w;
    RETURN QUERY SELECT 'stored', 1::bigint, _now, 0::bigint, 0, h.epoch, _written FROM history_epoch h;
END $$;

-- Change who is in a conversation, or what it is called.
--
-- _type: joined (added; or by oneself, where invited or open), invited, left, removed, role_changed, all of _user with _role
-- where one is given; renamed, topic_changed (_text).
-- status: stored, duplicate, id_reused, not_found, forbidden, already_member, no_member, last_owner, unchanged.
CREATE FUNCTION change_conversation(
    _conversation uuid, _sender text, _id uuid, _type text, _user text, _role text, _text text, _inbox uuid, _digest bytea
) RETURNS TABLE (
    status text, seq bigint, at timestamptz, messages bigint, generation integer, epoch uuid, inboxes jsonb, data jsonb
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now timestamptz;
    _c conversations;
    _known events;
    _by members;
    _of members;
    _invited invitations;
    _authority text;
    _is_last_owner boolean;
    _epoch uuid;
    _written jsonb;
    _status text := 'stored';
    _data jsonb;
    _told jsonb;
BEGIN
    -- As in append_events: no lock for who has no business there.
    IF _sender <> ''
       AND NOT EXISTS (SELECT FROM members m WHERE m.conversation_id = _conversation AND m.user_id = _sender)
       AND NOT EXISTS (SELECT FROM events e WHERE (e.conversation_id, e.sender, e.id) = (_conversation, _sender, _id))
       AND NOT (_type = 'joined' AND _user = _sender AND (
           EXISTS (SELECT FROM invitations i WHERE i.conversation_id = _conversation AND i.user_id = _user)
           OR EXISTS (SELECT FROM conversations c WHERE c.conversation_id = _conversation AND c.access = 'open'))) THEN
        RETURN QUERY
        SELECT 'not_found', NULL::bigint, NULL::timestamptz, NULL::bigint, NULL::integer, h.epoch, NULL::jsonb, NULL::jsonb
        FROM history_epoch h;
        RETURN;
    END IF;
    PERFORM lock_logs(array_remove(ARRAY[_inbox], NULL), _conversation);
    _now := clock_timestamp();
    SELECT h.epoch INTO STRICT _epoch FROM history_epoch h;
    SELECT * INTO _c FROM conversations c WHERE c.conversation_id = _conversation AND c.kind <> 'inbox';
    SELECT * INTO _known FROM events e WHERE (e.conversation_id, e.sender, e.id) = (_conversation, _sender, _id);
    SELECT * INTO _by FROM members m WHERE m.conversation_id = _conversation AND m.user_id = _sender;
    SELECT * INTO _of FROM members m WHERE m.conversation_id = _conversation AND m.user_id = _user;
    SELECT * INTO _invited FROM invitations i WHERE i.conversation_id = _conversation AND i.user_id = _user;
    _authority := CASE WHEN _sender = '' THEN 'host' ELSE _by.role END;
    _is_last_owner := _of.role = 'owner' AND NOT EXISTS (
        SELECT FROM members m WHERE m.conversation_id = _conversation AND m.role = 'owner' AND m.user_id <> _user);

    IF _type = 'joined' AND _user = _sender AND _of.user_id IS NULL THEN
        _role := coalesce(_invited.role, 'member');
    END IF;
    IF _known.seq IS NOT NULL THEN
        _status := CASE WHEN _known.digest = _digest THEN 'duplicate' ELSE 'id_reused' END;
    ELSIF _c.conversation_id IS NULL THEN
        _status := 'not_found';
    ELSIF _type = 'joined' AND _user = _sender THEN
        _status := CASE
            WHEN _of.user_id IS NOT NULL THEN 'already_member'
            WHEN _invited.user_id IS NULL AND _c.access <> 'open' THEN 'not_found'
            ELSE 'stored' END;
    ELSIF _authority IS NULL THEN
        _status := 'not_found';
    ELSIF _c.kind = 'direct' THEN
        _status := 'forbidden';
    ELSIF _type IN ('joined', 'invited') THEN
        _status := CASE
            WHEN _authority = 'member' OR (_authority = 'moderator' AND _role <> 'member') THEN 'forbidden'
            WHEN _of.user_id IS NOT NULL THEN 'already_member'
            WHEN _type = 'invited' AND _invited.role = _role THEN 'unchanged'
            ELSE 'stored' END;
    ELSIF _type = 'left' THEN
        _status := CASE WHEN _is_last_owner THEN 'last_owner' ELSE 'stored' END;
    ELSIF _type = 'removed' THEN
        _status := CASE
            WHEN _authority = 'member' THEN 'forbidden'
            WHEN _of.user_id IS NULL AND _invited.user_id IS NULL THEN 'no_member'
            WHEN _authority = 'moderator' AND coalesce(_of.role, _invited.role) <> 'member' THEN 'forbidden'
            WHEN _is_last_owner AND _authority <> 'host' THEN 'last_owner'
            ELSE 'stored' END;
    ELSIF _type = 'role_changed' THEN
        _status := CASE
            WHEN _authority NOT IN ('owner', 'host') THEN 'forbidden'
            WHEN _of.user_id IS NULL THEN 'no_member'
            WHEN _of.role = _role THEN 'unchanged'
            WHEN _is_last_owner THEN 'last_owner'
            ELSE 'stored' END;
    ELSE
        _status := CASE
            WHEN _authority = 'member' THEN 'forbidden'
            WHEN (CASE _type WHEN 'renamed' THEN _c.title ELSE _c.topic END) IS NOT DISTINCT FROM _text THEN 'unchanged'
            ELSE 'stored' END;
    END IF;
    IF _status <> 'stored' THEN
        RETURN QUERY
        SELECT _status, _known.seq, _known.at, _known.messages, _c.generation, _epoch, NULL::jsonb, NULL::jsonb;
        RETURN;
    END IF;

    UPDATE conversations c SET
        head = c.head + 1,
        title = CASE _type WHEN 'renamed' THEN _text ELSE c.title END,
        topic = CASE _type WHEN 'topic_changed' THEN _text ELSE c.topic END
    WHERE c.conversation_id = _conversation;
    _data := CASE _type
        WHEN 'renamed' THEN jsonb_build_object('title', _text)
        WHEN 'topic_changed' THEN jsonb_build_object('topic', _text)
        WHEN 'left' THEN jsonb_build_object('user', _user)
        WHEN 'removed' THEN jsonb_build_object('user', _user)
        ELSE jsonb_build_object('user', _user, 'role', _role) END;
    INSERT INTO events (conversation_id, seq, sender, id, type, data, digest, messages, at)
    VALUES (_conversation, _c.head + 1, _sender, _id, _type, _data, _digest, _c.messages, _now);

    IF _inbox IS NOT NULL THEN
        _told := CASE _type
            WHEN 'joined' THEN jsonb_build_object('role', _role, 'joined', _c.head + 1)
            WHEN 'invited' THEN jsonb_build_object('role', _role, 'title', _c.title)
            WHEN 'role_changed' THEN jsonb_build_object('role', _role)
            ELSE jsonb_build_object('until', _c.head + 1) END;
        SELECT jsonb_agg(to_jsonb(w)) INTO _written
        FROM tell_inboxes(ARRAY[_inbox], ARRAY[_user], _type, ARRAY[_told], _conversation, _sender, _id, _now) w;
    END IF;
    IF _type = 'joined' THEN
        INSERT INTO members (conversation_id, user_id, role, joined_seq, visible_from, inbox_seq)
        SELECT _conversation, _user, _role, _c.head + 1, CASE _c.history WHEN 'all' THEN 1 ELSE _c.head + 1 END,
               (_written -> 0 ->> 'seq')::bigint;
        DELETE FROM invitations i WHERE i.conversation_id = _conversation AND i.user_id = _user;
    ELSIF _type = 'invited' THEN
        INSERT INTO invitations AS i (conversation_id, user_id, role) VALUES (_conversation, _user, _role)
        ON CONFLICT (conversation_id, user_id) DO UPDATE SET role = excluded.role;
    ELSIF _type = 'role_changed' THEN
        UPDATE members m SET role = _role WHERE m.conversation_id = _conversation AND m.user_id = _user;
    ELSIF _type IN ('left', 'removed') THEN
        DELETE FROM members m WHERE m.conversation_id = _conversation AND m.user_id = _user;
        DELETE FROM invitations i WHERE i.conversation_id = _conversation AND i.user_id = _user;
    END IF;
    RETURN QUERY SELECT _status, _c.head + 1, _now, _c.messages, _c.generation, _epoch, _written, _data;
END $$;
