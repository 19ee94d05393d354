package settlement

import (
	"math"
	"strings"
	"testing"
)

func TestEndToEndIdsFitTheSEPASet(t *testing.T) {
	t.Parallel()
	if id := endToEnd(math.MaxInt32, math.MaxInt64); len(id) > 35 || strings.Trim(id, "PSL-0123456789") != "" {
		t.Errorf("%q, %d characters", id, len(id))
	}
}
