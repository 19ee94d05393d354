package app

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestTheManualNamesEveryVariable(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := reflect.TypeFor[Config]()
	for i := range fields.NumField() {
		if name := fields.Field(i).Tag.Get("env"); !strings.Contains(string(manual), "`"+name+"`") {
			t.Errorf("docs/operations.md does not name %s", name)
		}
	}
}
