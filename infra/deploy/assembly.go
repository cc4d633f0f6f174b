package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// assembly is what `cdk synth` wrote for one stage: what a deployment would bring.
type assembly struct {
	folder    string
	stack     string
	resources int
	functions int
	arm       bool // the functions' processor
	protected bool // against the stack's deletion
	mappings  int  // invocations that the event sources may take at once
	issuers   []string
	bootstrap int // the least version of the bootstrap stack that it can be deployed with
}

// issuerVariable tells the functions whose JWTs they take.
const issuerVariable = "OIDC_ISSUER"

// load reads the assembly in the folder.
func load(folder, stack string) (assembly, error) {
	a := assembly{folder: folder, stack: stack}
	var manifest struct {
		Artifacts map[string]struct {
			Properties struct {
				TerminationProtection         bool
				RequiresBootstrapStackVersion int
			}
		}
	}
	if err := read(filepath.Join(folder, "manifest.json"), &manifest); err != nil {
		return a, err
	}
	artifact, ok := manifest.Artifacts[stack]
	if !ok {
		return a, fmt.Errorf("%s has no stack %s", folder, stack)
	}
	a.protected, a.bootstrap = artifact.Properties.TerminationProtection,
		artifact.Properties.RequiresBootstrapStackVersion

	var template struct {
		Resources map[string]struct {
			Type       string
			Properties json.RawMessage
		}
	}
	if err := read(filepath.Join(folder, stack+".template.json"), &template); err != nil {
		return a, err
	}
	a.resources = len(template.Resources)
	for id, r := range template.Resources {
		var err error
		switch r.Type {
		case "AWS::Lambda::Function":
			err = a.function(r.Properties)
		case "AWS::Lambda::EventSourceMapping":
			err = a.mapping(r.Properties)
		}
		if err != nil {
			return a, fmt.Errorf("read %s of %s: %w", id, stack, err)
		}
	}
	slices.Sort(a.issuers)
	a.issuers = slices.Compact(a.issuers)
	return a, nil
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("the CDK CLI wrote no assembly: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func (a *assembly) function(properties json.RawMessage) error {
	var p struct {
		Architectures []string
		Environment   struct{ Variables map[string]any }
	}
	if err := json.Unmarshal(properties, &p); err != nil {
		return err
	}
	a.functions++
	a.arm = a.arm || slices.Contains(p.Architectures, "arm64")
	if issuer, ok := p.Environment.Variables[issuerVariable].(string); ok {
		a.issuers = append(a.issuers, issuer)
	}
	return nil
}

// mapping counts a queue's by its own limit, and a stream's by its parallel batches of one shard: how many shards the
// table has, DynamoDB decides.
func (a *assembly) mapping(properties json.RawMessage) error {
	var p struct {
		ScalingConfig         struct{ MaximumConcurrency int }
		ParallelizationFactor int
	}
	if err := json.Unmarshal(properties, &p); err != nil {
		return err
	}
	a.mappings += p.ScalingConfig.MaximumConcurrency + p.ParallelizationFactor
	return nil
}

func (a assembly) processor() string {
	if a.arm {
		return "arm64"
	}
	return "x86-64"
}

// placeholders are the issuers that nobody signs in with: RFC 2606 reserves these names for examples.
func (a assembly) placeholders() []string {
	return slices.DeleteFunc(slices.Clone(a.issuers), func(issuer string) bool {
		host := strings.TrimPrefix(issuer, "https://")
		host, _, _ = strings.Cut(host, "/")
		for _, reserved := range []string{"example.com", "example.net", "example.org"} {
			if host == reserved || strings.HasSuffix(host, "."+reserved) {
				return false
			}
		}
		return !strings.HasSuffix(host, ".example")
	})
}
