{{/* What every pod has: restricted security, no token, a root that cannot be written. */}}

{{- define "assay.pod.security" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "assay.container.security" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* Mounts and volumes of a component or a Job; the argument is a dict of root and component. */}}
{{- define "assay.pod.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .component.data }}
- name: data
  mountPath: /data
{{- end }}
{{- if include "assay.coordinates" . }}
- name: kubernetes
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end }}
{{- if and (has "objectStore" .component.needs) .root.Values.objectStore.existingClaim }}
- name: objects
  mountPath: /objects
{{- end }}
{{- range $server, $secret := include "assay.pod.authorities" . | fromYaml }}
- name: {{ $server }}-ca
  mountPath: /etc/assay/{{ $server }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "assay.pod.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- with .component.data }}
- name: data
  emptyDir:
    sizeLimit: {{ . }}
{{- end }}
{{- if include "assay.coordinates" . }}
# The one token of the release: for an hour at a time, and its holder may make, list and delete Jobs of this namespace.
- name: kubernetes
  projected:
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap:
          name: kube-root-ca.crt
          items:
            - {key: ca.crt, path: ca.crt}
{{- end }}
{{- if and (has "objectStore" .component.needs) .root.Values.objectStore.existingClaim }}
- name: objects
  persistentVolumeClaim:
    claimName: {{ .root.Values.objectStore.existingClaim }}
{{- end }}
{{- range $server, $secret := include "assay.pod.authorities" . | fromYaml }}
- name: {{ $server }}-ca
  secret:
    secretName: {{ $secret | quote }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end -}}

{{/* Servers whose certificates a component is to verify, by the value that names them, and the Secret with who vouches
     for them. Mails are carried for who holds the keys. */}}
{{- define "assay.pod.authorities" -}}
{{- range $server, $need := dict "database" "database" "kafka" "kafka" "valkey" "valkey" "clone" "clone" "smtp" "keys" }}
{{- with (index $.root.Values $server).caSecret }}
{{- if has $need $.component.needs }}
{{ $server }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
