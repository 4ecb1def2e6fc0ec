{{- define "libretto.name" -}}
{{- if contains "libretto" .Release.Name }}{{ .Release.Name | trunc 53 | trimSuffix "-" }}{{ else }}{{ printf "%s-libretto" .Release.Name | trunc 53 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "libretto.account" -}}
{{- .Values.serviceAccount.name | default (include "libretto.name" .) }}
{{- end }}

{{- define "libretto.selector" -}}
app.kubernetes.io/name: libretto
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "libretto.labels" -}}
{{ include "libretto.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
