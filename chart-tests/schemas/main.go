// Makes the JSON schemas that kubeconform validates the chart with, from what the projects publish in their Go modules: the Kubernetes API's
// own description, and the CustomResourceDefinitions of KEDA, the Gateway API and the Prometheus operator.
//
//	go run . FOLDER
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// What the chart is checked against; Kubernetes' version is the one that the proof on a cluster ran with.
const (
	kubernetes = "k8s.io/kubernetes@v1.34.4"
	keda       = "github.com/kedacore/keda/v2@v2.20.2"
	gateway    = "sigs.k8s.io/gateway-api@v1.4.1"
	prometheus = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
)

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: schemas FOLDER"))
	}
	folder := os.Args[1]
	fail(os.MkdirAll(folder, 0o755))
	fail(native(folder, filepath.Join(module(kubernetes), "api/openapi-spec/swagger.json")))
	for module, pattern := range map[string]string{
		module(keda):       "config/crd/bases/keda.sh_*.yaml",
		module(gateway):    "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
		module(prometheus): "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
	} {
		files, err := filepath.Glob(filepath.Join(module, pattern))
		fail(err)
		if len(files) == 0 {
			fail(fmt.Errorf("nothing matches %s in %s", pattern, module))
		}
		for _, file := range files {
			fail(custom(folder, file))
		}
	}
}

// module gives the folder of a module's sources, which go fetches when it must.
func module(version string) string {
	command := exec.Command("go", "mod", "download", "-json", version)
	command.Stderr = os.Stderr
	// Not this module's: its go.mod stays as it is.
	command.Dir = os.TempDir()
	out, err := command.Output()
	fail(err)
	var info struct{ Dir string }
	fail(json.Unmarshal(out, &info))
	return info.Dir
}

type object = map[string]any

// native writes one schema for each kind of the Kubernetes API, with the definitions that it leads to.
func native(folder, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var swagger struct{ Definitions map[string]object }
	if err := json.Unmarshal(text, &swagger); err != nil {
		return err
	}
	for name, definition := range swagger.Definitions {
		strict(definition)
		switch {
		case strings.HasSuffix(name, "util.intstr.IntOrString"):
			delete(definition, "type")
			delete(definition, "format")
			definition["type"] = []any{"string", "integer"}
		case strings.HasSuffix(name, "api.resource.Quantity"):
			definition["type"] = []any{"string", "number"}
		}
	}
	for name, definition := range swagger.Definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		for _, kind := range kinds {
			kind := kind.(object)
			reached := object{}
			reach(swagger.Definitions, name, reached)
			schema := object{"$ref": "#/definitions/" + name, "definitions": reached}
			if err := write(folder, kind["group"].(string), kind["version"].(string), kind["kind"].(string), schema); err != nil {
				return err
			}
		}
	}
	return nil
}

func reach(all map[string]object, name string, reached object) {
	if _, done := reached[name]; done {
		return
	}
	definition, found := all[name]
	if !found {
		fail(fmt.Errorf("no definition %s", name))
	}
	reached[name] = definition
	var visit func(any)
	visit = func(node any) {
		switch node := node.(type) {
		case object:
			if ref, is := node["$ref"].(string); is {
				reach(all, strings.TrimPrefix(ref, "#/definitions/"), reached)
			}
			for _, value := range node {
				visit(value)
			}
		case []any:
			for _, value := range node {
				visit(value)
			}
		}
	}
	visit(definition)
}

// strict refuses fields that nothing describes, which is how a typing error shows.
func strict(node any) {
	switch node := node.(type) {
	case object:
		_, described := node["properties"].(object)
		if _, open := node["additionalProperties"]; described && !open && node["x-kubernetes-preserve-unknown-fields"] != true {
			node["additionalProperties"] = false
		}
		// JSON Schema calls null a type of its own; absent fields of a Kubernetes object may be null.
		for _, value := range node {
			strict(value)
		}
	case []any:
		for _, value := range node {
			strict(value)
		}
	}
}

// custom writes a schema for each served version of a CustomResourceDefinition.
func custom(folder, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, document := range bytes.Split(text, []byte("\n---")) {
		var crd struct {
			Kind string
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema object }
				}
			}
		}
		if err := yaml.Unmarshal(document, &crd); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, version := range crd.Spec.Versions {
			schema := version.Schema.OpenAPIV3Schema
			properties, _ := schema["properties"].(object)
			// Kubernetes describes this one.
			properties["metadata"] = object{"type": "object", "additionalProperties": true}
			strict(schema)
			if err := write(folder, crd.Spec.Group, version.Name, crd.Spec.Names.Kind, schema); err != nil {
				return err
			}
		}
	}
	return nil
}

// write names the file as kubeconform's template {{.ResourceKind}}{{.KindSuffix}} asks for it.
func write(folder, group, version, kind string, schema object) error {
	name := strings.ToLower(kind)
	if group != "" {
		name += "-" + strings.Split(group, ".")[0]
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+"-"+strings.ToLower(version)+".json"), text, 0o644)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}
