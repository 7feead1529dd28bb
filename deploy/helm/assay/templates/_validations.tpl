{{/* Combinations that the schema cannot refuse. Every problem is told at once, each with the way to put it right. */}}

{{- define "assay.validate" -}}
{{- include "assay.standalone.fill" . -}}
{{- $problems := concat
      (.Values.standalone.conflicts | default list)
      (include "assay.validate.identity" . | fromYamlArray)
      (include "assay.validate.database" . | fromYamlArray)
      (include "assay.validate.kafka" . | fromYamlArray)
      (include "assay.validate.stores" . | fromYamlArray)
      (include "assay.validate.components" . | fromYamlArray)
      (include "assay.validate.auditJobs" . | fromYamlArray)
      (include "assay.validate.mesh" . | fromYamlArray)
      (include "assay.validate.route" . | fromYamlArray)
      (include "assay.validate.canary" . | fromYamlArray)
      (include "assay.validate.monitoring" . | fromYamlArray)
      (include "assay.validate.autoscaling" . | fromYamlArray) -}}
{{- if $problems -}}
{{- fail (printf "\n\nThese values cannot work:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "assay.validate.database" -}}
{{- $problems := list -}}
{{- with .Values.database -}}
{{- if not .host -}}
{{- $problems = append $problems "database.host is empty: set it to the host of your PostgreSQL" -}}
{{- end -}}
{{- if and .existingSecret .passwords -}}
{{- $problems = append $problems "database.existingSecret and database.passwords are both set: remove one, the passwords come from one place" -}}
{{- else if not .existingSecret -}}
{{- $missing := list -}}
{{- range $key := include "assay.schemas" $ | fromYamlArray | concat (list "owner") -}}
{{- if not (get $.Values.database.passwords $key) -}}
{{- $missing = append $missing $key -}}
{{- end -}}
{{- end -}}
{{- if $missing -}}
{{- $problems = append $problems (printf "no password for %s: set database.existingSecret to a Secret with these keys, or database.passwords for a trial" (join ", " $missing)) -}}
{{- end -}}
{{- end -}}
{{- if and (hasPrefix "verify" .sslMode) (not .caSecret) -}}
{{- $problems = append $problems (printf "database.sslMode is %s without certificates to trust: set database.caSecret to a Secret with the key ca.crt" .sslMode) -}}
{{- end -}}
{{- if and .caSecret (not (hasPrefix "verify" .sslMode)) -}}
{{- $problems = append $problems (printf "database.caSecret is set but sslMode %s does not look at it: set database.sslMode to verify-full" .sslMode) -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}

{{- define "assay.schemas" -}}
{{- $schemas := list -}}
{{- range .Values.components -}}
{{- with .schema -}}
{{- $schemas = append $schemas . -}}
{{- end -}}
{{- end -}}
{{- toYaml (uniq $schemas | sortAlpha) -}}
{{- end -}}

{{- define "assay.validate.kafka" -}}
{{- $problems := list -}}
{{- with .Values.kafka -}}
{{- if not .bootstrapServers -}}
{{- $problems = append $problems "kafka.bootstrapServers is empty: set it to host:port of your Kafka" -}}
{{- end -}}
{{- if hasPrefix "SASL" .securityProtocol -}}
{{- if and (not .existingSecret) (not (and .username .password)) -}}
{{- $problems = append $problems (printf "kafka.securityProtocol is %s without credentials: set kafka.existingSecret to a Secret with the keys username and password" .securityProtocol) -}}
{{- end -}}
{{- else if or .existingSecret .username .password -}}
{{- $problems = append $problems (printf "kafka has credentials but securityProtocol %s does not use them: set kafka.securityProtocol to SASL_SSL" .securityProtocol) -}}
{{- end -}}
{{- if and .existingSecret (or .username .password) -}}
{{- $problems = append $problems "kafka.existingSecret and kafka.username/password are both set: remove one" -}}
{{- end -}}
{{- if and .caSecret (not (hasSuffix "SSL" .securityProtocol)) -}}
{{- $problems = append $problems (printf "kafka.caSecret is set but securityProtocol %s is not encrypted: set kafka.securityProtocol to SSL or SASL_SSL" .securityProtocol) -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}

{{- define "assay.validate.stores" -}}
{{- $problems := list -}}
{{- with .Values.valkey -}}
{{- if and (not .host) (not .existingSecret) -}}
{{- $problems = append $problems "valkey.host is empty: set it to the host of your Valkey or Redis, or valkey.existingSecret to a Secret with the key url" -}}
{{- end -}}
{{- if and .existingSecret (or .host .password) -}}
{{- $problems = append $problems "valkey.existingSecret holds the whole URL: remove valkey.host and valkey.password" -}}
{{- end -}}
{{- if and .caSecret .host (not .tls) -}}
{{- $problems = append $problems "valkey.caSecret is set but valkey is not reached encrypted: set valkey.tls to true" -}}
{{- end -}}
{{- end -}}
{{- with .Values.objectStore -}}
{{- if not .url -}}
{{- $problems = append $problems "objectStore.url is empty: set it to s3://bucket, gs://bucket or az://account/container, or to file:///objects with objectStore.existingClaim" -}}
{{- else if and (hasPrefix "file:" .url) (or (ne .url "file:///objects") (not .existingClaim)) -}}
{{- $problems = append $problems (printf "objectStore.url is %s: a folder must be file:///objects, and objectStore.existingClaim a volume that all audit pods may mount (ReadWriteMany)" .url) -}}
{{- else if and .existingClaim (not (hasPrefix "file:" .url)) -}}
{{- $problems = append $problems (printf "objectStore.existingClaim is set but bundles are kept at %s: remove it, or set objectStore.url to file:///objects" .url) -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}

{{- define "assay.validate.components" -}}
{{- $problems := list -}}
{{- $owners := dict -}}
{{- $components := include "assay.components" . | fromYaml -}}
{{- range $name, $component := $components -}}
{{- $at := printf "components.%s" $name -}}
{{- range $component.callers -}}
{{- if not (hasKey $components .) -}}
{{- $problems = append $problems (printf "%s.callers names %s, which is no component: remove it, or add components.%s" $at . .) -}}
{{- end -}}
{{- end -}}
{{- if and $component.callers (ne $component.serves "grpc") -}}
{{- $problems = append $problems (printf "%s has callers but serves %s: set serves to grpc, or remove the callers" $at $component.serves) -}}
{{- end -}}
{{- if and (has "database" $component.needs) (not $component.schema) -}}
{{- $problems = append $problems (printf "%s needs the database without a schema: set %s.schema" $at $at) -}}
{{- end -}}
{{- if and $component.schema (not (has "database" $component.needs)) -}}
{{- $problems = append $problems (printf "%s has a schema but does not need the database: add database to %s.needs" $at $at) -}}
{{- end -}}
{{- if include "assay.component.migrates" (dict "component" $component) -}}
{{- with get $owners $component.schema -}}
{{- $problems = append $problems (printf "%s and components.%s both serve the schema %s: each service owns its own" $at . $component.schema) -}}
{{- end -}}
{{- $_ := set $owners $component.schema $name -}}
{{- end -}}
{{- with $component.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- $problems = append $problems (printf "%s.autoscaling.minReplicas %v is more than maxReplicas %v: raise maxReplicas" $at .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- $managed := include "assay.env.component" (dict "root" $ "name" $name "component" (omit $component "env" | merge (dict "env" dict)) "hook" false) | fromYamlArray -}}
{{- range $managed -}}
{{- if hasKey $component.env .name -}}
{{- $problems = append $problems (printf "%s.env sets %s, which the chart sets itself: use the value that stands for it" $at .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
