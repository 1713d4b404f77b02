{{- define "dcdn-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
Short enough for the numbers of replica and shard that follow it in the name of a pod. A release may have dots in its
name; a service may not, nor the host's name that a pod reads its shard from.
*/}}
{{- define "dcdn-exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" }}
{{- else if contains (include "dcdn-exporter.name" .) .Release.Name }}
{{- .Release.Name | replace "." "-" | trunc 46 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "dcdn-exporter.name" .) | replace "." "-" | trunc 46 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "dcdn-exporter.selector" -}}
app.kubernetes.io/name: {{ include "dcdn-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Labels of all that is made; the second of the list are further ones of its own. The chart's win. */}}
{{- define "dcdn-exporter.labels" -}}
{{- $root := index . 0 }}
{{- $own := include "dcdn-exporter.selector" $root | fromYaml }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") }}
{{- $_ := set $own "app.kubernetes.io/version" $root.Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service }}
{{- merge $own (default dict (index . 1)) (default dict $root.Values.commonLabels) | toYaml }}
{{- end }}

{{- define "dcdn-exporter.podLabels" -}}
{{- $own := include "dcdn-exporter.selector" . | fromYaml }}
{{- if .Values.rrsa.roleName }}
{{- $_ := set $own "pod-identity.alibabacloud.com/injection" "on" }}
{{- end }}
{{- merge $own (default dict .Values.podLabels) (default dict .Values.commonLabels) | toYaml }}
{{- end }}

{{/* The user's may name another default container, but not replace the checksums, without which no change reaches a pod. */}}
{{- define "dcdn-exporter.podAnnotations" -}}
{{- $own := dict }}
{{- /* podman, which takes pods, too, has no room for the 64th character. */}}
{{- if not .Values.existingConfigSecret }}
{{- $_ := set $own "checksum/config" (include "dcdn-exporter.config" . | sha256sum | trunc 63) }}
{{- end }}
{{- if .Values.webConfig.config }}
{{- $_ := set $own "checksum/web" (.Values.webConfig.config | toYaml | sha256sum | trunc 63) }}
{{- end }}
{{- $default := dict "kubectl.kubernetes.io/default-container" "exporter" }}
{{- merge $own (default dict .Values.podAnnotations) $default | toYaml }}
{{- end }}

{{- define "dcdn-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "dcdn-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Replicas poll the same accounts: each takes its part of the vendor's limit, unless the file says which. An account is
only made up here: as a default value it would be merged into a configuration that has a directory and no account. */}}
{{- define "dcdn-exporter.config" -}}
{{- $config := mergeOverwrite (dict "rate_limit" (dict "share" (divf 1 .Values.replicas))) (deepCopy .Values.config) }}
{{- if not (or .Values.config.accounts .Values.config.discovery) }}
{{- $_ := set $config "accounts" (list (dict "name" "default")) }}
{{- end }}
{{- $config | toYaml }}
{{- end }}

{{- define "dcdn-exporter.webSecret" -}}
{{- if .Values.webConfig.existingSecret }}
{{- .Values.webConfig.existingSecret }}
{{- else if .Values.webConfig.config }}
{{- include "dcdn-exporter.fullname" . }}-web
{{- end }}
{{- end }}

{{- define "dcdn-exporter.sharded" -}}
{{- if gt (int .Values.sharding.total) 1 }}true{{ end }}
{{- end }}

{{/* Whether the user's own flag or variable names a web configuration; what envFrom brings is not known here. */}}
{{- define "dcdn-exporter.otherWebFile" -}}
{{- range .Values.extraArgs }}{{ if eq (index (splitList "=" .) 0) "--web.config.file" }}true{{ end }}{{ end }}
{{- range .Values.extraEnv }}{{ if eq .name "DCDN_EXPORTER_WEB_CONFIG_FILE" }}true{{ end }}{{ end }}
{{- if .Values.envFrom }}true{{ end }}
{{- end }}

{{/* How the server wants to be asked: what webConfig.config says, else what the values say of a file that is elsewhere. */}}
{{- define "dcdn-exporter.web" -}}
{{- $web := .Values.webConfig }}
{{- $scheme := default "http" $web.scheme }}
{{- $passwords := default false $web.passwords }}
{{- $certificates := default false $web.clientCertificates }}
{{- if $web.existingSecret }}
{{- if $web.config }}
{{- fail "webConfig.config and webConfig.existingSecret: only one of them can be the web configuration" }}
{{- end }}
{{- if not $web.scheme }}
{{- fail "webConfig.scheme: http or https? The file is in webConfig.existingSecret, where the chart cannot look" }}
{{- end }}
{{- end }}
{{- with $web.config }}
{{- $tls := default dict .tls_server_config }}
{{- $scheme = ternary "https" "http" (not (empty $tls)) }}
{{- $passwords = not (empty .basic_auth_users) }}
{{- $certificates = eq (default "" $tls.client_auth_type) "RequireAndVerifyClientCert" }}
{{- if and $web.scheme (ne $web.scheme $scheme) }}
{{- fail (printf "webConfig.scheme is %s, but webConfig.config makes it %s: leave webConfig.scheme out" $web.scheme $scheme) }}
{{- end }}
{{- if and $web.passwords (not $passwords) }}
{{- fail "webConfig.passwords is true, but webConfig.config has no basic_auth_users: leave webConfig.passwords out" }}
{{- end }}
{{- if and $web.clientCertificates (not $certificates) }}
{{- fail "webConfig.clientCertificates is true, but webConfig.config has no client_auth_type: RequireAndVerifyClientCert: leave webConfig.clientCertificates out" }}
{{- end }}
{{- range $key := list "cert_file" "key_file" "client_ca_file" }}
{{- $file := default "/" (get $tls $key) }}
{{- if not (hasPrefix "/" $file) }}
{{- fail (printf "webConfig.config.tls_server_config.%s is %s, which is not in the pod: give the whole path, below one of extraVolumeMounts" $key $file) }}
{{- end }}
{{- end }}
{{- end }}
{{- if not (or $web.config $web.existingSecret (include "dcdn-exporter.otherWebFile" .)) }}
{{- range $key, $set := dict "scheme" (eq $scheme "https") "passwords" $passwords "clientCertificates" $certificates }}
{{- if $set }}
{{- fail (printf "webConfig.%s is %v, but the exporter has no web configuration: give webConfig.config, webConfig.existingSecret, or --web.config.file in extraArgs" $key (get $web $key)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $certificates (ne $scheme "https") }}
{{- fail (printf "webConfig.clientCertificates is true, but webConfig.scheme is %s: clients show certificates over https only" $scheme) }}
{{- end }}
{{- $login := false }}
{{- range $web.probeHeaders }}
{{- $login = or $login (eq (lower .name) "authorization") }}
{{- end }}
{{- dict "scheme" $scheme "passwords" $passwords "certificates" $certificates "closed" (or $certificates (and $passwords (not $login))) | toYaml }}
{{- end }}

{{/* What the kubelet cannot ask for want of a certificate or a password, it can only find to be open. */}}
{{- define "dcdn-exporter.probe" -}}
{{- $web := include "dcdn-exporter.web" .root | fromYaml }}
{{- if $web.closed }}
tcpSocket:
  port: metrics
{{- else }}
httpGet:
  path: {{ .path }}
  port: metrics
  scheme: {{ upper $web.scheme }}
  {{- with .root.Values.webConfig.probeHeaders }}
  httpHeaders:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "dcdn-exporter.pod" -}}
{{- if and .Values.existingConfigSecret .Values.config }}
{{- fail "config and existingConfigSecret: only one of them can be the configuration" }}
{{- end }}
{{- $given := list "--config.file" "--web.listen-address" }}
{{- if include "dcdn-exporter.webSecret" . }}
{{- $given = append $given "--web.config.file" }}
{{- end }}
{{- range .Values.extraArgs }}
{{- $flag := index (splitList "=" .) 0 }}
{{- if has $flag $given }}
{{- fail (printf "extraArgs: the chart gives %s itself, and mounts, probes and the service go by its value: leave it out" $flag) }}
{{- end }}
{{- end }}
metadata:
  labels:
    {{- include "dcdn-exporter.podLabels" . | nindent 4 }}
  annotations:
    {{- include "dcdn-exporter.podAnnotations" . | nindent 4 }}
spec:
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  serviceAccountName: {{ include "dcdn-exporter.serviceAccount" . }}
  # It asks the Kubernetes API nothing; RRSA brings a token of its own.
  automountServiceAccountToken: false
  # Their variables have the prefix of the exporter's own.
  enableServiceLinks: false
  terminationGracePeriodSeconds: 10
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.dnsPolicy }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with .Values.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: exporter
      {{- if not .Values.image.repository }}
      {{- fail "image.repository: say where you have put the image, such as --set image.repository=registry.example.com/dcdn-exporter" }}
      {{- end }}
      {{- $tag := default .Chart.AppVersion .Values.image.tag }}
      image: "{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ $tag }}{{ end }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        - --config.file=/etc/dcdn-exporter/config/config.yaml
        - --web.listen-address=:10520
        - --log.level={{ .Values.logLevel }}
        - --log.format={{ .Values.logFormat }}
        {{- if include "dcdn-exporter.sharded" . }}
        - --shard=auto/{{ .Values.sharding.total }}
        {{- end }}
        {{- if include "dcdn-exporter.webSecret" . }}
        - --web.config.file=/etc/dcdn-exporter/web/web.yaml
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: metrics
          containerPort: 10520
          protocol: TCP
      # It is up once it listens, which takes a second.
      startupProbe:
        {{- include "dcdn-exporter.probe" (dict "path" "/-/healthy" "root" .) | nindent 8 }}
        periodSeconds: 1
        timeoutSeconds: 3
        failureThreshold: 60
      {{- with .Values.livenessProbe }}
      # The process answers, and its polls end; whether the API answers them is no reason for a restart.
      livenessProbe:
        {{- include "dcdn-exporter.probe" (dict "path" "/-/healthy" "root" $) | nindent 8 }}
        {{- toYaml . | nindent 8 }}
      {{- end }}
      # Every account has been polled once, so that a rollout goes on only with a pod that sees as much as the last.
      readinessProbe:
        {{- include "dcdn-exporter.probe" (dict "path" "/-/ready" "root" .) | nindent 8 }}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 3
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: config
          mountPath: /etc/dcdn-exporter/config
          readOnly: true
        {{- if .Values.secretsFrom }}
        - name: secrets
          mountPath: /etc/dcdn-exporter/secrets
          readOnly: true
        {{- end }}
        {{- if include "dcdn-exporter.webSecret" . }}
        - name: web
          mountPath: /etc/dcdn-exporter/web
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      {{- if .Values.existingConfigSecret }}
      secret:
        secretName: {{ .Values.existingConfigSecret }}
        defaultMode: 0440
      {{- else }}
      configMap:
        name: {{ include "dcdn-exporter.fullname" . }}
      {{- end }}
    {{- with .Values.secretsFrom }}
    - name: secrets
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with include "dcdn-exporter.webSecret" . }}
    - name: web
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
