package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// std stands for the standard libraries. They come with the toolchain, so no
// version or checksum of ours applies to them.
const std = "std"

type goPackage struct {
	Dir      string
	Standard bool
	Root     string
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// goModules asks Go for every module that has a package in the archive.
func goModules(root string) ([]*work, error) {
	sums, err := goSums(filepath.Join(root, "go", "go.sum"))
	if err != nil {
		return nil, err
	}
	works := map[string]*work{}
	for _, t := range targets {
		for _, slim := range []bool{false, true} {
			packages, err := goList(root, t, slim)
			if err != nil {
				return nil, err
			}
			for _, p := range packages {
				if err := addPackage(works, p, t.system, slim, sums); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, w := range works {
		if w.licence, err = detect(w); err != nil {
			return nil, err
		}
	}
	return sorted(works), nil
}

func addPackage(works map[string]*work, p goPackage, system string, slim bool, sums map[string]string) error {
	name, version, root, dir, sum := std, "-", p.Root, p.Root, "-"
	if m := p.Module; m != nil {
		if m.Main {
			return nil
		}
		name, version, root, dir = m.Path, m.Version, m.Dir, p.Dir
		if sum = sums[name+" "+version]; sum == "" {
			return fmt.Errorf("go.sum has no checksum for %s %s: run `go mod tidy` in go/", name, version)
		}
	}
	w := works[name]
	if w == nil {
		w = &work{kind: "go", name: name, version: version, checksum: sum, systems: map[string]bool{}, files: map[string]bool{}}
		works[name] = w
	}
	w.systems[system] = true
	w.slim = w.slim || slim
	return addLicenceFiles(w.files, dir, root)
}

func goList(root string, t target, slim bool) ([]goPackage, error) {
	args := []string{"list", "-mod=readonly", "-deps", "-json=Dir,Standard,Root,Module"}
	if slim {
		args = append(args, "-tags=slim")
	}
	command := exec.Command("go", append(args, ".")...)
	command.Dir = filepath.Join(root, "go")
	command.Env = append(os.Environ(), "GOOS="+t.goos, "GOARCH="+t.goarch, "CGO_ENABLED=1", "GOWORK=off")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w", t.triple, err)
	}
	var packages []goPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		if p.Dir != "" { // package unsafe has none
			packages = append(packages, p)
		}
	}
}

// goSums maps "module version" to the h1 checksum of its source.
func goSums(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 {
			sums[f[0]+" "+f[1]] = f[2]
		}
	}
	return sums, nil
}
