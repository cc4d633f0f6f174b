package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// buildFolder holds the functions' code, seen from this folder, where the CDK CLI runs the app.
const buildFolder = "../build"

// The CDK CLI runs this program as its app: `cdk deploy -c stage=prod`. With the argument `drawing` it prints
// the picture in README.md instead.
func main() {
	defer jsii.Close()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
	name, _ := app.Node().TryGetContext(jsii.String("stage")).(string)
	drawing := len(args) == 1 && args[0] == "drawing"
	if drawing {
		name = "local"
	}
	stage, err := StageNamed(name)
	if err != nil {
		return err
	}
	if err := stage.Console.fault(); err != nil {
		return fmt.Errorf("the console of the stage %s: %w", stage.Name, err)
	}
	if err := stage.issuerFault(); err != nil {
		if app.Node().TryGetContext(jsii.String("placeholder-issuer")) == nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "Warning:", err)
	}
	if _, err := os.Stat(filepath.Join(buildFolder, stage.Architecture)); err != nil {
		return fmt.Errorf("the functions are not built for %s: run `make build STAGE=%s` first", stage.Architecture,
			stage.Name)
	}
	if stage.Issuer.KeysURL == "" {
		stage.Issuer.Keys, _ = app.Node().TryGetContext(jsii.String("jwks")).(string)
	}
	if stage.Console.Address == "" {
		stage.Console.Address, _ = app.Node().TryGetContext(jsii.String("console")).(string)
		stage.Issuer.AuthorizationURL = stage.Console.Address + "/issuer/authorize"
		stage.Issuer.TokenURL, _ = app.Node().TryGetContext(jsii.String("token-url")).(string)
	}
	plugboard := Plugboard(app, stage, buildFolder)
	if drawing {
		fmt.Print(plugboard.Mermaid())
		return nil
	}
	app.Synth(nil)
	return nil
}
