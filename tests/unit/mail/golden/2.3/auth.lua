-- Made by schoolserver; changes are lost.
schoolserver = { socket = "/run/schoolserver/auth/auth.sock", uid = 60806, gid = 60807, mail = "/srv/schoolserver/mail",
  lines = 4096, largest = "quota_max_mail_size", space = "quota_rule2", bytes = "*:bytes=%d" }

function auth_password_verify(request, password)
end

local verify, show, lookup = auth_password_verify, auth_passdb_lookup, auth_userdb_lookup

function auth_password_verify(request, password)
  if request.secured ~= "TLS" then
    return dovecot.auth.PASSDB_RESULT_USER_DISABLED, ""
  end
  local result, fields = verify(request, password)
  return result, result == dovecot.auth.PASSDB_RESULT_OK and fields or ""
end

function auth_passdb_lookup(request)
  if request.secured ~= "TLS" then
    return dovecot.auth.PASSDB_RESULT_USER_DISABLED, ""
  end
  local result, fields = show(request)
  return result, result == dovecot.auth.PASSDB_RESULT_OK and fields or ""
end

function auth_userdb_lookup(request)
  local result, fields = lookup(request)
  return result, result == dovecot.auth.USERDB_RESULT_OK and fields or ""
end
