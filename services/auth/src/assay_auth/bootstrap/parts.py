"""What the use cases are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay_auth.adapters.common_passwords import GuessablePasswords
from assay_auth.adapters.one_time_passwords import Totp
from assay_auth.adapters.passwords import Argon2Hasher
from assay_auth.adapters.sealing import Sealer
from assay_auth.adapters.signing import Ed25519Signer
from assay_auth.application import ports
from assay_auth.application.accounts.pace import FLOOR_SECONDS
from assay_auth.application.accounts.password_rules import PasswordRules
from assay_auth.application.accounts.second_factor import CheckCode
from assay_auth.application.machines.key_uses import KeyUses
from assay_auth.application.sessions.authenticate import Authenticate
from assay_auth.application.sessions.session import OpenSession
from assay_auth.application.sessions.throttle import Throttle
from assay_auth.application.standing import FindStanding
from assay_auth.application.tokens.get_jwks import GetJwks
from assay_auth.application.tokens.issue_access_token import IssueAccessToken
from assay_auth.application.tokens.signing_key import EnsureSigningKey
from assay_auth.domain.roles import PermissionModel
from assay_auth.domain.sign_up import SignUp
from assay_common.clock import Clock, utc_now
from assay_protos.permissions import all_permissions


@dataclass(slots=True)
class Parts:
    """Adapters, and the use cases that several others share; tests put in a clock of their own, or cheaper hashes."""

    uow: ports.UnitOfWork
    signer: Ed25519Signer
    sealer: Sealer
    hasher: Argon2Hasher = field(default_factory=Argon2Hasher)
    clock: Clock = utc_now
    public_url: str = "http://localhost:8080"
    """Where links begin, without a slash at the end."""
    sign_up: SignUp = SignUp.INVITATION
    providers: Mapping[str, ports.IdentityProvider] = field(default_factory=dict)
    model: PermissionModel = field(default_factory=lambda: PermissionModel(all_permissions()))
    one_time_passwords: ports.OneTimePasswords = field(default_factory=Totp)
    floor_seconds: float = FLOOR_SECONDS
    """The least time of answers that must not tell whether an address is known."""
    password_rules: PasswordRules = field(init=False)
    check_code: CheckCode = field(init=False)
    authenticate: Authenticate = field(init=False)
    ensure_signing_key: EnsureSigningKey = field(init=False)
    issue_access_token: IssueAccessToken = field(init=False)
    open_session: OpenSession = field(init=False)
    find_standing: FindStanding = field(init=False)
    get_jwks: GetJwks = field(init=False)
    key_uses: KeyUses = field(init=False)

    def __post_init__(self) -> None:
        self.password_rules = PasswordRules(GuessablePasswords())
        self.check_code = CheckCode(self.sealer, self.one_time_passwords)
        throttle = Throttle(self.uow, self.clock)
        self.authenticate = Authenticate(self.uow, self.hasher, throttle, self.check_code, self.clock)
        self.ensure_signing_key = EnsureSigningKey(self.uow, self.signer, self.clock)
        self.issue_access_token = IssueAccessToken(self.ensure_signing_key, self.signer, self.clock)
        self.open_session = OpenSession(self.model, self.issue_access_token)
        self.find_standing = FindStanding(self.model, self.clock)
        self.get_jwks = GetJwks(self.uow, self.clock)
        self.key_uses = KeyUses(self.uow)
