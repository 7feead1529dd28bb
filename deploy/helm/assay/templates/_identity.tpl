{{/* How people reach the installation and sign in to it, as auth and the gateway are told. */}}

{{/* What the gateway and auth are told: where links lead. */}}
{{- define "assay.env.publicUrl" -}}
{{- with .root.Values.publicUrl -}}
- name: ASSAY_PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "assay.env.cors" -}}
{{- with .root.Values.cors.origins -}}
- name: ASSAY_CORS__ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{/* What auth is told of signing up and in, and of who carries its mails. */}}
{{- define "assay.env.identity" -}}
{{- $values := .root.Values -}}
- name: ASSAY_SIGN_UP
  value: {{ $values.signUp }}
{{- with $values.smtp }}
{{- if .host }}
- name: ASSAY_SMTP__HOST
  value: {{ .host | quote }}
- name: ASSAY_SMTP__PORT
  value: {{ .port | quote }}
- name: ASSAY_SMTP__SECURITY
  value: {{ .security }}
- name: ASSAY_SMTP__SENDER
  value: {{ .sender | quote }}
{{- if .username }}
- name: ASSAY_SMTP__USERNAME
  value: {{ .username | quote }}
{{ include "assay.env.secret" (dict "variable" "ASSAY_SMTP__PASSWORD" "secret" .existingSecret "key" "password") }}
{{- end }}
{{- if .caSecret }}
- name: ASSAY_SMTP__CA_FILE
  value: /etc/assay/smtp/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- with $values.singleSignOn.existingSecret }}
{{ include "assay.env.secret" (dict "variable" "ASSAY_SSO" "secret" . "key" "providers") }}
{{- end }}
{{- end -}}

{{/* Where auth, which holds the keys, goes: to who carries its mails, and to identity providers. */}}
{{- define "assay.egress.keys" -}}
{{- if .Values.smtp.host -}}
{{ include "assay.egress" (dict "mesh" .Values.mesh.mode "peers" .Values.networkPolicy.smtp "ports" (list .Values.smtp.port)) }}
{{- end }}
{{- if .Values.singleSignOn.existingSecret }}
{{ include "assay.egress.internet" . }}
{{- end -}}
{{- end -}}

{{- define "assay.validate.identity" -}}
{{- $problems := list -}}
{{- $needs := list -}}
{{- with .Values.smtp -}}
{{- if .host -}}
{{- $needs = append $needs "smtp.host" -}}
{{- if not .sender -}}
{{- $problems = append $problems "smtp.sender is empty: set it to the address that mails come from, such as Assay <assay@example.com>" -}}
{{- end -}}
{{- if and .username (not .existingSecret) -}}
{{- $problems = append $problems "smtp.username is set without a password: set smtp.existingSecret to a Secret with the key password" -}}
{{- end -}}
{{- if and .existingSecret (not .username) -}}
{{- $problems = append $problems "smtp.existingSecret is set without a user: set smtp.username" -}}
{{- end -}}
{{- if and .username (eq .security "none") -}}
{{- $problems = append $problems "smtp.security is none, and a password would be sent in the clear: set it to starttls or tls" -}}
{{- end -}}
{{- if and .caSecret (eq .security "none") -}}
{{- $problems = append $problems "smtp.caSecret is set but smtp.security none is not encrypted: set it to starttls or tls" -}}
{{- end -}}
{{- else if or .sender .username .existingSecret .caSecret -}}
{{- $problems = append $problems "smtp is described but smtp.host is empty: set it, or remove the rest" -}}
{{- end -}}
{{- end -}}
{{- if .Values.singleSignOn.existingSecret -}}
{{- $needs = append $needs "singleSignOn.existingSecret" -}}
{{- end -}}
{{- if and $needs (not .Values.publicUrl) -}}
{{- $problems = append $problems (printf "%s is set, and its links would lead to localhost: set publicUrl to where people reach the gateway" (join " and " $needs)) -}}
{{- end -}}
{{- if and (eq .Values.signUp "open") (not .Values.smtp.host) -}}
{{- $problems = append $problems "signUp is open, but without mails nobody can prove an address: set smtp.host, or signUp to invitation" -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
