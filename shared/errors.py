"""Every error that a client can meet, in one tree.

    RingpostError
    ├── Refused                 the client's fault; the same request will be refused again
    │   ├── Invalid             a field, frame or body is not what the protocol says
    │   ├── TooLarge            over a stated limit
    │   ├── Unauthenticated     no token, or one that proves nothing
    │   ├── TokenExpired        fetch a new token, then come back
    │   ├── Forbidden           known and understood, but not allowed
    │   ├── NotFound            does not exist, or is not yours to know of
    │   ├── IdReused            the same id came before with another body
    │   ├── AlreadyMember       who is added is a member already
    │   ├── LastOwner           a conversation keeps at least one owner
    │   ├── Unchanged           it is so already
    │   ├── Erased              the message that this is about was deleted
    │   ├── TooManyReactions    the message has as many kinds of reactions as one may have
    │   └── TooManySockets      this user holds as many as one user may
    ├── Unavailable             our fault; the same request may succeed after a pause
    │   ├── Overloaded          a queue is full
    │   ├── RateLimited         more than the stated rate
    │   ├── PutOff              an earlier send of this socket was put off, and order is kept
    │   └── Draining            this gateway is about to stop; another one serves
    └── PositionLost            the client's position is of another epoch, or beyond the head: fetch afresh

A class holds what is the same for all its errors (code, HTTP status, close code, whether to retry); an instance holds data.
Clients branch on the code and never on the text.
"""

from typing import ClassVar


class RingpostError(Exception):
    """The root: an error with a code that a client may branch on.

    *detail* is a sentence for people; it never repeats the client's input.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    close_code: ClassVar[int]
    retryable: ClassVar[bool]
    detail: str = ""
    retry_after_s: float | None = None

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail or self.detail
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return self.detail or self.code.replace("_", " ")


class Refused(RingpostError):
    code = "refused"
    status = 400
    close_code = 4502
    retryable = False
    detail = "The request can't be served as it is."


class Invalid(Refused):
    code = "invalid"
    status = 422
    detail = "The request does not fit the protocol."

    def __init__(self, detail: str = "", *, fields: tuple[str, ...] = (), retry_after_s: float | None = None) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.fields = fields


class TooLarge(Refused):
    code = "too_large"
    status = 413
    detail = "The request is larger than the stated limit."


class Unauthenticated(Refused):
    code = "unauthenticated"
    status = 401
    close_code = 4500
    detail = "A valid token is needed: Authorization: Bearer, or the hello frame."


class TokenExpired(Unauthenticated):
    code = "token_expired"
    close_code = 4501
    detail = "The token has expired; fetch a new one."


class Forbidden(Refused):
    code = "forbidden"
    status = 403
    detail = "Your role does not allow this."


class NotFound(Refused):
    code = "not_found"
    status = 404
    detail = "There is no such thing, or it is not yours to see."


class IdReused(Refused):
    code = "id_reused"
    status = 409
    detail = "This id was used before with another body; nothing was changed."


class AlreadyMember(Refused):
    code = "already_member"
    status = 409
    detail = "This user is a member already."


class LastOwner(Refused):
    code = "last_owner"
    status = 409
    detail = "A conversation keeps at least one owner: make another member one first."


class Unchanged(Refused):
    code = "unchanged"
    status = 409
    detail = "It is so already; nothing was stored."


class Erased(Refused):
    code = "erased"
    status = 410
    detail = "The message that this is about was deleted."


class TooManyReactions(Refused):
    code = "too_many_reactions"
    status = 409
    detail = "This message has as many kinds of reactions as one may have."


class TooManySockets(Refused):
    code = "too_many_sockets"
    status = 429
    close_code = 4504
    detail = "This user holds as many sockets as one user may."


class Unavailable(RingpostError):
    code = "unavailable"
    status = 503
    close_code = 4003
    retryable = True
    detail = "A part of the service is away; try again after the pause."
    retry_after_s = 1.0


class Overloaded(Unavailable):
    code = "overloaded"
    detail = "The queue is full; try again after the pause."


class RateLimited(Unavailable):
    code = "rate_limited"
    status = 429
    detail = "This is faster than the stated rate; try again after the pause."


class PutOff(Unavailable):
    code = "put_off"
    detail = "An earlier send of this socket in this conversation was put off; send that one first."


class Draining(Unavailable):
    code = "draining"
    close_code = 4000
    detail = "This gateway is about to stop; connect again and another one serves."


class PositionLost(RingpostError):
    code = "position_lost"
    status = 410
    close_code = 4003
    retryable = False
    detail = "The position belongs to another history of this conversation; fetch it afresh from 0."
