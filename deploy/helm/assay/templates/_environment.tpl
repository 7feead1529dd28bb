{{/* What a container is told. The argument is a dict of root, name, component, and hook (true in Jobs). */}}

{{/* A variable that is a key of a Secret. Argument: variable, secret, key. */}}
{{- define "assay.env.secret" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{- define "assay.env.component" -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $context := . -}}
- name: ASSAY_LOG__LEVEL
  value: {{ $root.Values.log.level }}
- name: ASSAY_OPS__LISTEN
  value: 0.0.0.0:{{ include "assay.port" "ops" }}
- name: ASSAY_GRACE_SECONDS
  value: {{ $component.graceSeconds | quote }}
{{- if eq $component.serves "http" }}
- name: ASSAY_HTTP__LISTEN
  value: 0.0.0.0:{{ include "assay.port" "http" }}
{{ include "assay.env.route" $root }}
{{- with include "assay.env.publicUrl" $context }}
{{ . }}
{{- end }}
{{- with include "assay.env.cors" $context }}
{{ . }}
{{- end }}
{{- else if eq $component.serves "grpc" }}
- name: ASSAY_GRPC__LISTEN
  value: 0.0.0.0:{{ include "assay.port" "grpc" }}
{{- end }}
{{- $calls := false -}}
{{- range $callee, $called := include "assay.components" $root | fromYaml }}
{{- if has $context.name $called.callers }}
{{- $calls = true }}
- name: ASSAY_TARGETS__{{ $called.canaryOf | default $callee | upper | replace "-" "_" }}
  value: dns:///{{ include "assay.mesh.service" (dict "root" $root "name" $callee) }}:{{ include "assay.port" "grpc" }}
{{- end }}
{{- end }}
{{- if and $calls (include "assay.mesh.balances" $root) }}
# The mesh's proxy spreads the calls and leaves a server that stops.
- name: ASSAY_GRPC__WATCH_HEALTH
  value: "false"
{{- end }}
{{- range $need := $component.needs }}
{{- if has $need (list "database" "kafka" "valkey" "objectStore" "models" "clone" "keys") }}
{{ include (printf "assay.env.%s" $need) $context }}
{{- end }}
{{- end }}
{{- with $component.schema }}
{{ include "assay.env.retention" (dict "days" $root.Values.retention "schema" .) }}
{{- end }}
{{- with $component.data }}
- name: ASSAY_DATA_DIR
  value: /data
{{- end }}
{{- if include "assay.coordinates" $context }}
{{ include "assay.env.jobs" $context }}
{{- end }}
{{- with $root.Values.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- range $variable, $value := $component.env }}
- name: {{ $variable }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{/* The password goes its own way (PGPASSWORD), so that no character of it has to be escaped in a URL. */}}
{{- define "assay.env.database" -}}
{{- $database := .root.Values.database -}}
{{- $at := printf "%s:%v/%s" $database.host $database.port $database.name -}}
- name: ASSAY_DATABASE__URL
  value: postgresql://{{ $database.loginPrefix }}{{ .component.schema }}@{{ $at }}
{{- if .hook }}
- name: ASSAY_DATABASE__MIGRATION_URL
  value: postgresql://{{ $database.owner }}@{{ $at }}
{{- else }}
- name: ASSAY_DATABASE__POOL_SIZE
  value: {{ $database.poolSize | quote }}
{{- end }}
{{ include "assay.env.secret" (dict "variable" "PGPASSWORD"
     "secret" ($database.existingSecret | default (include (ternary "assay.secret.hooks" "assay.secret.connections" .hook) .root))
     "key" (ternary "owner" .component.schema .hook)) }}
- name: PGSSLMODE
  value: {{ $database.sslMode }}
{{- if $database.caSecret }}
- name: PGSSLROOTCERT
  value: /etc/assay/database/ca.crt
{{- end }}
{{- end -}}

{{/* How long a service keeps what it has no more use for. Argument: days, schema. */}}
{{- define "assay.env.retention" -}}
- name: ASSAY_HOUSEKEEPING__INBOX_DAYS
  value: {{ .days.inboxDays | quote }}
{{- if has .schema (list "audit" "evaluation") }}
- name: ASSAY_HOUSEKEEPING__EVENTS_DAYS
  value: {{ .days.eventsDays | quote }}
{{- end }}
{{- if eq .schema "audit" }}
- name: ASSAY_HOUSEKEEPING__ANALYSES_DAYS
  value: {{ .days.analysesDays | quote }}
- name: ASSAY_HOUSEKEEPING__BUNDLES_DAYS
  value: {{ .days.bundlesDays | quote }}
{{- end }}
{{- end -}}

{{- define "assay.env.kafka" -}}
{{- $kafka := .root.Values.kafka -}}
- name: ASSAY_KAFKA__BOOTSTRAP_SERVERS
  value: {{ $kafka.bootstrapServers | quote }}
{{- with $kafka.namespace }}
- name: ASSAY_KAFKA__NAMESPACE
  value: {{ . | quote }}
{{- end }}
- name: ASSAY_KAFKA__SECURITY_PROTOCOL
  value: {{ $kafka.securityProtocol }}
{{- if hasPrefix "SASL" $kafka.securityProtocol }}
{{- $secret := $kafka.existingSecret | default (include (ternary "assay.secret.hooks" "assay.secret.connections" .hook) .root) }}
- name: ASSAY_KAFKA__SASL_MECHANISM
  value: {{ $kafka.saslMechanism }}
{{ include "assay.env.secret" (dict "variable" "ASSAY_KAFKA__SASL_USERNAME" "secret" $secret
     "key" (ternary "username" "kafka-username" (ne $kafka.existingSecret ""))) }}
{{ include "assay.env.secret" (dict "variable" "ASSAY_KAFKA__SASL_PASSWORD" "secret" $secret
     "key" (ternary "password" "kafka-password" (ne $kafka.existingSecret ""))) }}
{{- end }}
{{- if $kafka.caSecret }}
- name: ASSAY_KAFKA__CA_FILE
  value: /etc/assay/kafka/ca.crt
{{- end }}
{{- end -}}

{{- define "assay.env.valkey" -}}
{{- $valkey := .root.Values.valkey -}}
{{ include "assay.env.secret" (dict "variable" "ASSAY_VALKEY__URL"
     "secret" ($valkey.existingSecret | default (include "assay.secret.connections" .root))
     "key" (ternary "url" "valkey-url" (ne $valkey.existingSecret ""))) }}
{{- end -}}

{{- define "assay.env.objectStore" -}}
- name: ASSAY_OBJECT_STORE__URL
  value: {{ .root.Values.objectStore.url | quote }}
{{- range $variable, $value := .root.Values.objectStore.env }}
- name: {{ $variable }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "assay.env.models" -}}
- name: ASSAY_MODELS
  value: {{ .root.Values.models | toJson | quote }}
{{- end -}}

{{- define "assay.env.clone" -}}
{{- with .root.Values.clone -}}
- name: ASSAY_CLONE__ALLOWED_HOSTS
  value: {{ .allowedHosts | toJson | quote }}
- name: ASSAY_CLONE__ALLOWED_NETWORKS
  value: {{ .allowedNetworks | toJson | quote }}
{{- if .caSecret }}
- name: ASSAY_CLONE__CA_FILE
  value: /etc/assay/clone/ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{- define "assay.env.keys" -}}
{{- $secret := include "assay.secret.keys" .root -}}
{{ include "assay.env.secret" (dict "variable" "ASSAY_KEY_ENCRYPTION_KEY" "secret" $secret "key" "key-encryption-key") }}
- name: ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: previous-key-encryption-keys
      optional: true
{{- with .root.Values.bootstrapAdmin.email }}
- name: ASSAY_BOOTSTRAP_ADMIN__EMAIL
  value: {{ . | quote }}
{{ include "assay.env.secret" (dict "variable" "ASSAY_BOOTSTRAP_ADMIN__PASSWORD" "secret" $secret "key" "bootstrap-admin-password") }}
{{- end }}
{{- with include "assay.env.publicUrl" . }}
{{ . }}
{{- end }}
{{ include "assay.env.identity" . }}
{{- end -}}
