{{- /* Breakwater's own settings: what the chart decides, over what the values say. */}}
{{- define "breakwater.settings" -}}
{{- $config := deepCopy .Values.config -}}
{{- $decided := dict "web" (dict "host" "0.0.0.0" "port" 8080) "state_directory" "/var/lib/breakwater" -}}
{{- $config = mergeOverwrite (dict "log_format" "json" "broker" (dict "profile" "production")) $config $decided -}}
{{- toYaml $config -}}
{{- end }}

{{- /* The partitions of each channel's contact topic, as a map. */}}
{{- define "breakwater.channels" -}}
{{- $facts := .Files.Get "files/topics.json" | fromJson -}}
{{- $channels := dict -}}
{{- range $name, $channel := (default $facts.channels .Values.config.channels) -}}
{{- $_ := set $channels $name (int (default $facts.channel_partitions (($channel | default dict).partitions))) -}}
{{- end -}}
{{- toYaml $channels -}}
{{- end }}

{{- /* What a workload reads: a list of {group, topic, partitions}. (dict "root" $ "workload" name) */}}
{{- define "breakwater.reads" -}}
{{- $facts := .root.Files.Get "files/topics.json" | fromJson -}}
{{- $prefix := (.root.Values.config.broker).topic_prefix | default "" -}}
{{- $groups := (.root.Values.config.broker).group_prefix | default "breakwater" -}}
{{- $reads := list -}}
{{- if or (eq .workload "ingest") (eq .workload "all") -}}
{{- range $name, $partitions := include "breakwater.channels" .root | fromYaml -}}
{{- $reads = append $reads (dict "group" (printf "%s-ingest" $groups) "topic" (printf "%s%s%s" $prefix $facts.contact_prefix $name) "partitions" $partitions) -}}
{{- end -}}
{{- end -}}
{{- range $group := $facts.groups -}}
{{- if or (eq $.workload $group.role) (eq $.workload "all") -}}
{{- range $topic := $group.topics -}}
{{- $reads = append $reads (dict "group" (printf "%s-%s" $groups $group.role) "topic" (printf "%s%s" $prefix $topic.name) "partitions" $topic.partitions) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "reads" $reads) -}}
{{- end }}

{{- /* The names of the workloads of this layout that are there. */}}
{{- define "breakwater.workloads" -}}
{{- $names := ternary (list "all") (list "ingest" "detect" "respond" "notify" "web") (eq .Values.layout "single") -}}
{{- $found := list -}}
{{- range $name := $names -}}
{{- if (include "breakwater.workload" (dict "root" $ "name" $name) | fromYaml).enabled -}}
{{- $found = append $found $name -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "names" $found) -}}
{{- end }}

{{- /* A workload's values: `defaults` under its own. (dict "root" $ "name" name) */}}
{{- define "breakwater.workload" -}}
{{- $own := index .root.Values.workloads .name | default dict -}}
{{- toYaml (mergeOverwrite (deepCopy .root.Values.defaults) $own) -}}
{{- end }}

{{- /* The Secrets' keys that a workload gets as files: a list of {file, secretName, key}. */}}
{{- define "breakwater.secretFiles" -}}
{{- $files := list -}}
{{- range $file, $secret := .root.Values.secrets -}}
{{- if or (not $secret.workloads) (has $.workload $secret.workloads) (and (eq $.workload "all") $secret.workloads) -}}
{{- $files = append $files (dict "file" $file "secretName" $secret.secretName "key" $secret.key) -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "files" $files) -}}
{{- end }}

{{- /* What the ConfigMap holds. */}}
{{- define "breakwater.configData" -}}
breakwater.yaml: |
  {{- include "breakwater.settings" . | nindent 2 }}
{{- with ((.Values.config.broker).security).username }}
kafka-username: {{ . | quote }}
{{- end }}
{{- end }}
