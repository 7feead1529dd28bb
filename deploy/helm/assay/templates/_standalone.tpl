{{/* The standalone profile: servers of the release's own, one pod each, for trying it out. */}}

{{/* Let the values name the release's own servers, so that everything else need not know whose they are. Once a rendering,
     before anything reads them: whatever asks for the release's name or its components begins here. Top-level keys are
     replaced, never changed within, for what is within belongs to the chart. */}}
{{- define "assay.standalone.fill" -}}
{{- if and .Values.standalone.enabled (not (hasKey .Values.standalone "conflicts")) -}}
{{- $_ := set .Values "standalone" (merge (dict "conflicts" (include "assay.standalone.conflicts" . | fromYamlArray)) .Values.standalone) -}}
{{- $servers := include "assay.standalone.servers" . | fromYaml -}}
{{- $_ := set .Values "database" (merge (dict
      "host" $servers.postgres.name "port" ($servers.postgres.port | int) "sslMode" "disable"
      "existingSecret" $servers.postgres.secret "passwords" dict) .Values.database) -}}
{{- $_ := set .Values "kafka" (merge (dict "bootstrapServers" (printf "%s:%v" $servers.kafka.name $servers.kafka.port)) .Values.kafka) -}}
{{- $_ := set .Values "valkey" (merge (dict "existingSecret" $servers.valkey.secret "port" ($servers.valkey.port | int)) .Values.valkey) -}}
{{- $_ := set .Values "objectStore" (merge (dict
      "url" "s3://assay" "port" ($servers.objects.port | int) "existingSecret" $servers.objects.secret
      "env" (dict "AWS_ENDPOINT" (printf "http://%s:%v" $servers.objects.name $servers.objects.port) "AWS_ALLOW_HTTP" "true" "AWS_REGION" "us-east-1"))
      .Values.objectStore) -}}
{{- $peers := dict -}}
{{- range $name, $server := $servers -}}
{{- $_ := set $peers $server.need (list (dict "podSelector" (dict "matchLabels" (include "assay.component.selector" (dict "root" $ "name" $name) | fromYaml)))) -}}
{{- end -}}
{{- $_ := set .Values "networkPolicy" (merge $peers .Values.networkPolicy) -}}
{{- end -}}
{{- end -}}

{{/* The servers: name → need (what components call it), name of its Service, port, args, and the Secret with what it asks for. */}}
{{- define "assay.standalone.servers" -}}
{{- $fullname := include "assay.fullname" . -}}
{{- $database := .Values.database -}}
{{- $servers := dict
      "postgres" (dict "need" "database" "port" 5432 "keys" (include "assay.schemas" . | fromYamlArray | concat (list "owner"))
        "args" (list "--database" $database.name "--owner" $database.owner "--login-prefix" $database.loginPrefix))
      "kafka" (dict "need" "kafka" "port" 9092 "keys" list "args" list)
      "valkey" (dict "need" "valkey" "port" 6379 "keys" (list "valkey") "args" list)
      "objects" (dict "need" "objectStore" "port" 9000 "keys" (list "objects") "args" list) -}}
{{- range $name, $server := $servers -}}
{{- $_ := set $server "name" (printf "%s-%s" $fullname $name) -}}
{{- $_ := set $server "secret" (printf "%s-standalone-%s" $fullname $name) -}}
{{- end -}}
{{- toYaml $servers -}}
{{- end -}}

{{/* What a Secret of the release holds under a key, in base64; else what is given. Argument: root, secret, key, fresh. */}}
{{- define "assay.standalone.kept" -}}
{{- $kept := (lookup "v1" "Secret" .root.Release.Namespace .secret).data | default dict -}}
{{- get $kept .key | default (b64enc .fresh) -}}
{{- end -}}

{{/* Values that name servers of one's own beside the release's. */}}
{{- define "assay.standalone.conflicts" -}}
{{- $problems := list -}}
{{- $named := dict
      "database" (pick .Values.database "host" "existingSecret" "caSecret" "passwords")
      "kafka" (pick .Values.kafka "bootstrapServers" "existingSecret" "caSecret" "username" "password")
      "valkey" (pick .Values.valkey "host" "existingSecret" "caSecret" "password")
      "objectStore" (pick .Values.objectStore "url" "existingSecret" "existingClaim" "env") -}}
{{- range $section, $values := $named -}}
{{- range $key, $value := $values -}}
{{- if $value -}}
{{- $problems = append $problems (printf "standalone.enabled brings servers of its own, and %s.%s names another: remove it, or set standalone.enabled to false" $section $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if ne .Values.kafka.securityProtocol "PLAINTEXT" -}}
{{- $problems = append $problems (printf "the Kafka of standalone.enabled knows no %s: remove kafka.securityProtocol" .Values.kafka.securityProtocol) -}}
{{- end -}}
{{- if .Values.valkey.tls -}}
{{- $problems = append $problems "the Valkey of standalone.enabled knows no TLS: remove valkey.tls" -}}
{{- end -}}
{{- range $name := list "postgres" "kafka" "valkey" "objects" "hooks" -}}
{{- if hasKey $.Values.components $name -}}
{{- $problems = append $problems (printf "standalone.enabled has a server named %s: rename components.%s" $name $name) -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
