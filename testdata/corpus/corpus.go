// Package corpus names packages of well-known modules that declare large
// configurations and resources. The generator is tried on their public structs;
// the files of modules say what came of each. None of their source is kept here.
package corpus

import (
	_ "github.com/bwmarrin/discordgo"
	_ "github.com/compose-spec/compose-go/v2/types"
	_ "github.com/getkin/kin-openapi/openapi3"
	_ "github.com/go-openapi/spec"
	_ "github.com/google/go-github/v66/github"
	_ "github.com/hashicorp/consul/api"
	_ "github.com/miekg/dns"
	_ "github.com/opencontainers/image-spec/specs-go/v1"
	_ "github.com/opencontainers/runtime-spec/specs-go"
	_ "github.com/prometheus/common/config"
	_ "github.com/slack-go/slack"
	_ "k8s.io/api/apps/v1"
	_ "k8s.io/api/core/v1"
	_ "k8s.io/apimachinery/pkg/apis/meta/v1"
)
