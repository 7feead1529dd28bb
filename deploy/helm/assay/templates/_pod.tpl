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
{{- range $store := list "database" "kafka" "valkey" }}
{{- if and (has $store $.component.needs) (index $.root.Values $store).caSecret }}
- name: {{ $store }}-ca
  mountPath: /etc/assay/{{ $store }}
  readOnly: true
{{- end }}
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
{{- range $store := list "database" "kafka" "valkey" }}
{{- $secret := (index $.root.Values $store).caSecret }}
{{- if and (has $store $.component.needs) $secret }}
- name: {{ $store }}-ca
  secret:
    secretName: {{ $secret | quote }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end }}
{{- end -}}
