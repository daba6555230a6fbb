package mongodb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"

	"github.com/destam-go/destamgen/runtime/driver"
)

// ErrFormat says that a database was written by a newer version of this
// package, or not by it.
var ErrFormat = errors.New("unknown format")

// explained adds to an error of connecting what to do about it.
func explained(err error) error {
	var identity *auth.Error
	what := ""
	switch {
	case errors.As(err, &identity):
		what = "the server does not take user and password: look at both in the URI, and at authSource, the database that has the user"
	case code(err) == 13:
		what = "the user may not do this: grant it the role readWrite on the database"
	case mongo.IsTimeout(err), mongo.IsNetworkError(err):
		what = "no server answers: look whether it runs, and at the host, the port and the TLS options in the URI"
	default:
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// duplicate is the code of an insert whose _id is there already.
const duplicate = 11000

// refused tells whether an error of a write says that the server did not do it.
// Of all others nobody knows: the connection broke, the primary changed, the
// majority did not answer in time.
func refused(err error) bool {
	var write mongo.WriteException
	var command mongo.CommandError
	switch {
	case mongo.IsNetworkError(err), mongo.IsTimeout(err):
		return false
	case errors.As(err, &write):
		return write.WriteConcernError == nil && len(write.WriteErrors) > 0 && !transient(write)
	case errors.As(err, &command):
		return !transient(command)
	}
	return false
}

// transient tells whether a server means that another one is to be asked.
func transient(err mongo.ServerError) bool {
	if err.HasErrorLabel("RetryableWriteError") {
		return true
	}
	// HostUnreachable, HostNotFound, NetworkTimeout, ShutdownInProgress,
	// PrimarySteppedDown, ExceededTimeLimit, SocketException, NotWritablePrimary,
	// InterruptedAtShutdown, InterruptedDueToReplStateChange,
	// NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary.
	for _, code := range []int{6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436} {
		if err.HasErrorCode(code) {
			return true
		}
	}
	return false
}

// unknown is the error of a write whose outcome could not be learnt.
func unknown(err error) error { return fmt.Errorf("%w: %w", driver.ErrUnknown, err) }

// silent gives an error that says that no server answers, nil for any other.
func silent(err error) error {
	if mongo.IsNetworkError(err) || mongo.IsTimeout(err) {
		return err
	}
	return nil
}

// patience is how long a write is sent again by itself: to find out that no
// server answers may take half a minute each time.
const patience = 10 * time.Second

// attempts bounds how often a write is sent again by itself; after that the
// caller decides.
const attempts = 5

// pause waits before the next attempt: 10 ms, doubling, with jitter, a second at
// most.
func pause(ctx context.Context, attempt int) error {
	wait := min(10*time.Millisecond<<attempt, time.Second)
	timer := time.NewTimer(wait/2 + rand.N(wait))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
