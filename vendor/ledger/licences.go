package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// accepted are the licences of works that poof, under MIT, may link. MPL-2.0
// asks to say where the source is, LGPL-3.0 that a user can link a changed
// version: NOTICES says the first, poof's public source allows the second.
// A licence that is not here is a decision, so it stops the command.
var accepted = []string{
	"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC",
	"LGPL-3.0", "MIT", "MPL-2.0", "UPL-1.0", "Unicode-3.0", "Unlicense", "Zlib",
}

// gpl is asked for by section 4 of the LGPL, which adds to it.
//
//go:embed GPL-3.0.txt
var gpl string

// licenceFile matches what a licence may ask to be passed on.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents|unlicense)([-_.].*)?$`)

// addLicenceFiles adds the licence files of dir and of its parents up to root:
// a module may hold packages under licences of their own.
func addLicenceFiles(files map[string]bool, dir, root string) error {
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			name := entry.Name()
			if entry.Type().IsRegular() && licenceFile.MatchString(name) && filepath.Ext(name) != ".go" {
				files[filepath.Join(dir, name)] = true
			}
		}
		if dir == root || len(dir) <= len(root) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// detect names the licences of a Go module, which declares none, by its texts.
func detect(w *work) (string, error) {
	found := map[string]bool{}
	for file := range w.files {
		base := strings.ToLower(filepath.Base(file))
		if strings.HasPrefix(base, "notice") || strings.HasPrefix(base, "patents") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		for _, match := range licensecheck.Scan(text).Match {
			if !match.IsURL {
				found[match.ID] = true
			}
		}
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s %s: no licence recognised in %v", w.name, w.version, keys(w.files))
	}
	return strings.Join(keys(found), " AND "), nil
}

// judge refuses a licence that nobody has accepted yet.
func judge(works []*work) error {
	for _, w := range works {
		for _, choices := range strings.Split(w.licence, " AND ") {
			options := strings.Split(strings.Trim(choices, "()"), " OR ")
			if !slices.ContainsFunc(options, func(id string) bool { return slices.Contains(accepted, id) }) {
				return fmt.Errorf("%s %s is under %q: if poof may link it, add it to `accepted` in licences.go", w.name, w.version, w.licence)
			}
		}
	}
	return nil
}
