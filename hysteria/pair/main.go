// Command hysteria-pair is a Hysteria2 client and server for tests, where the official app is not installed.
//
// It drives the published protocol engine github.com/apernet/hysteria/core/v2 (QUIC, authentication, congestion
// control, the client that reconnects, multiplexing) and is started as the official app is, with the same files:
//
//	hysteria-pair server -c server.yaml
//	hysteria-pair client -c client.yaml
//
// It knows the settings that Parley uses and refuses all others, so that a file it takes means the same to the
// official app. Its HTTP CONNECT front answers as the app's does: 200 once the far end has dialled, 502 for every
// failure.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"gopkg.in/yaml.v3"
)

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	usage := errors.New("usage: hysteria-pair server|client [-c file] [-check]")
	if len(args) == 0 {
		return usage
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	file := flags.String("c", args[0]+".yaml", "configuration file")
	check := flags.Bool("check", false, "only read the configuration")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "server":
		var config serverConfig
		if err := read(*file, &config); err != nil || *check {
			return err
		}
		return serve(config)
	case "client":
		var config clientConfig
		if err := read(*file, &config); err != nil || *check {
			return err
		}
		return proxy(config)
	default:
		return usage
	}
}

func read(file string, config any) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	if err := decoder.Decode(config); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
