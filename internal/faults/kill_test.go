package faults_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kills is how often a program is killed in the middle of redemptions, and clients how
// many redeem at once.
const (
	kills   = 10
	clients = 32
)

// siege redeems 5,000 vouchers over HTTP while kill strikes ten times, evenly spread but
// at a random moment. Then every key is sent once more and everything is counted.
func siege(t *testing.T, kill func(c *child)) *child {
	t.Helper()
	c, codes := seeded(t, 500)
	c.start()
	all := newCrowd(c, codes)
	wait := all.run(clients)
	share := int64(len(all.asks) / (kills + 1))
	for n := range int64(kills) {
		all.answered(t, (n+1)*share)
		time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
		kill(c)
	}
	wait()
	again := all.run(clients)
	again()
	d := c.database()
	lost, doubled := all.count(t, d)
	if lost != 0 || doubled != 0 {
		t.Errorf("of %d acknowledged redemptions %d are lost, %d are there twice", all.acks.Load(), lost, doubled)
	}
	if all.unknowns.Load() == 0 || all.replays.Load() < int64(len(all.asks)) {
		t.Errorf("%d unknown outcomes, %d replays: nothing was interrupted", all.unknowns.Load(), all.replays.Load())
	}
	c.verify()
	all.receipts[0].ID = -1 // the positive control: a receipt for what is not there
	if seen, _ := all.count(t, d); seen != 1 {
		t.Errorf("a lost redemption is counted as %d", seen)
	}
	t.Logf("%d kills: %d acknowledged, %d unknown and asked again, %d replayed, %d lost, %d doubled",
		kills, all.acks.Load(), all.unknowns.Load(), all.replays.Load(), lost, doubled)
	return c
}

func TestNothingIsLostWhenTheServiceIsKilled(t *testing.T) {
	t.Parallel()
	c := siege(t, func(c *child) {
		c.kill()
		c.start()
	})
	c.stop()
}

func TestNothingIsLostWhenPostgreSQLIsKilled(t *testing.T) {
	t.Parallel()
	c := siege(t, func(c *child) {
		pid := postmasterOf(t, c.data)
		signalTree(t, pid, syscall.SIGKILL)
		within(t, 20*time.Second, "PostgreSQL runs again", func() bool {
			again, _ := readPostmaster(c.data)
			return again != 0 && again != pid && c.ready()
		})
	})
	log, err := os.ReadFile(filepath.Join(c.data, "postgres.log"))
	must(t, err)
	recoveries := strings.Count(string(log), "was not properly shut down")
	if recoveries != kills {
		t.Errorf("%d kills made %d crash recoveries", kills, recoveries)
	}
	t.Logf("%d crash recoveries in the server's log", recoveries)
	c.stop()
}

// postmasterOf is the process of the PostgreSQL under a data folder.
func postmasterOf(t *testing.T, data string) int {
	t.Helper()
	pid, err := readPostmaster(data)
	must(t, err)
	if pid == 0 {
		t.Fatal("no PostgreSQL runs")
	}
	return pid
}

func readPostmaster(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "postgres", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}
