package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"rally"
)

const (
	// letterQueue is where River keeps the letters.
	letterQueue = "letters"
	// letterTries is how often a letter is tried before it is given up. River
	// waits the fourth power of the number of tries in seconds: the last one
	// comes some eleven hours after the first.
	letterTries = 12
	// letterTime bounds one try.
	letterTime = 30 * time.Second
	// letterWorkers is how many letters one node sends at once.
	letterWorkers = 4
	// letterLost is after what time a try counts as cut short by the end of its
	// process, and the letter is tried again.
	letterLost = 2 * time.Minute
	// letterKept is how long a letter stays in the database once it was sent:
	// it names its reader, and nobody needs it any more.
	letterKept = time.Hour

	// fetchEvery is how often the queue is looked at unasked. NOTIFY tells at
	// once of nearly every letter; River leaves it out for one that follows
	// another within queueQuiet.
	fetchEvery = 5 * time.Second
	queueQuiet = time.Millisecond

	jobConns = 4
	// jobStopTime bounds the stop of the jobs; letters on their way have half
	// of it to arrive.
	jobStopTime = 1300 * time.Millisecond
)

// letterJob is a letter in the queue.
type letterJob struct {
	Letter rally.Letter `json:"letter"`
}

// Kind names the job in the database.
func (letterJob) Kind() string { return "letter" }

// InsertOpts says how it is queued.
func (letterJob) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: letterQueue, MaxAttempts: letterTries}
}

// newQueue gives the client that puts jobs into the queue.
func (s *Store) newQueue() (*river.Client[pgx.Tx], error) {
	return river.NewClient(riverpgxv5.New(s.pool), &river.Config{Logger: s.riverLog(), FetchCooldown: queueQuiet})
}

// QueueLetter has a letter written and sent soon, by whichever process runs
// jobs on this database, also when this one does not live to see it.
func (s *Store) QueueLetter(ctx context.Context, l rally.Letter) (err error) {
	ctx, done := s.begin(ctx, "QueueLetter", &err)
	defer done()
	_, err = s.jobs.Insert(ctx, letterJob{Letter: l}, nil)
	return err
}

// JobsConfig is what StartJobs needs.
type JobsConfig struct {
	// Letter writes and sends a letter; its context allows it half a minute.
	// When it fails it is called again later, a dozen times in half a day. It
	// may happen that a letter which was sent is given to it again, after a
	// crash or while the database is away. It is called concurrently.
	Letter func(context.Context, rally.Letter) error
}

// StartJobs does the jobs that this process and others on the same database
// queue. It needs the tables that Migrate makes, and an EUNAVAILABLE error says
// that the database is away; once started, jobs go on by themselves after it
// was. They use connections of their own, so that a page never waits for them.
//
// stop ends them within a second and a half, or when its context does; a
// letter on its way may take half of that, and is tried again later otherwise.
// It may be called more than once, and has to be before Close.
func (s *Store) StartJobs(ctx context.Context, cfg JobsConfig) (stop func(context.Context) error, err error) {
	caller := ctx
	defer func() { err = explain(caller, "StartJobs", err) }()
	if cfg.Letter == nil {
		return nil, errors.New("nobody to write letters")
	}
	pool, err := s.jobPool(ctx)
	if err != nil {
		return nil, err
	}
	client, err := s.newWorker(pool, cfg)
	if err != nil {
		pool.Close()
		return nil, err
	}
	stop = func(ctx context.Context) error { return s.stopWorker(ctx, client, pool) }
	if err := s.startWorker(ctx, client); err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return stop, nil
}

// jobPool gives the jobs their own connections.
func (s *Store) jobPool(ctx context.Context) (*pgxpool.Pool, error) {
	cfg := s.pool.Config()
	cfg.MaxConns, cfg.MinConns, cfg.MinIdleConns = jobConns, 0, 0
	return pgxpool.NewWithConfig(ctx, cfg)
}

// newWorker gives the client that does the jobs.
func (s *Store) newWorker(pool *pgxpool.Pool, cfg JobsConfig) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[letterJob]) error {
		return cfg.Letter(ctx, job.Args.Letter)
	}))
	return river.NewClient(riverpgxv5.New(pool), &river.Config{
		Logger:                      s.riverLog(),
		ErrorHandler:                letterFailures{s},
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{letterQueue: {MaxWorkers: letterWorkers}},
		FetchPollInterval:           fetchEvery,
		JobTimeout:                  letterTime,
		RescueStuckJobsAfter:        letterLost,
		SoftStopTimeout:             jobStopTime / 2,
		CompletedJobRetentionPeriod: letterKept,
		CancelledJobRetentionPeriod: letterKept,
		ReindexerIndexNames:         []string{}, // the table stays small
	})
}

// startWorker starts client within a method's time. It goes on after ctx.
func (s *Store) startWorker(ctx context.Context, client *river.Client[pgx.Tx]) error {
	begin, cancelBegin := context.WithTimeout(ctx, s.patience)
	defer cancelBegin()
	run, cancelRun := context.WithCancel(context.WithoutCancel(ctx))
	intime := context.AfterFunc(begin, cancelRun)
	err := client.Start(run)
	if intime() && err == nil {
		return nil
	}
	cancelRun()
	if begin.Err() != nil {
		return errors.Join(begin.Err(), err)
	}
	return err
}

// stopWorker stops client and closes its connections.
func (s *Store) stopWorker(ctx context.Context, client *river.Client[pgx.Tx], pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, jobStopTime)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		// Not bounded by ctx: while the database is away it can take longer,
		// and the connections have to be closed all the same.
		_ = client.Stop(context.WithoutCancel(ctx)) // fails only when bounded
		pool.Close()
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		s.log.WarnContext(ctx, "jobs were left to themselves, they took too long to stop")
	}
	return nil
}

// letterFailures tells the log of letters that could not be sent.
type letterFailures struct{ s *Store }

var _ river.ErrorHandler = letterFailures{}

// HandleError is told of a try that failed.
func (f letterFailures) HandleError(ctx context.Context, row *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	f.tell(ctx, row, "error", err)
	return nil
}

// HandlePanic is told of a try that panicked.
func (f letterFailures) HandlePanic(ctx context.Context, row *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	f.tell(ctx, row, "panic", value, "stack", trace)
	return nil
}

// tell logs a line, without the address: who reads the log need not know it.
func (f letterFailures) tell(ctx context.Context, row *rivertype.JobRow, cause ...any) {
	var job letterJob
	if err := json.Unmarshal(row.EncodedArgs, &job); err != nil {
		cause = append(cause, "unreadable", err)
	}
	line := append([]any{"letter", job.Letter.Kind, "user", job.Letter.User, "job", row.ID, "try", row.Attempt}, cause...)
	if row.Attempt >= row.MaxAttempts {
		f.s.log.ErrorContext(ctx, "a letter was given up", line...)
	} else {
		f.s.log.WarnContext(ctx, "a letter was not sent, it will be tried again", line...)
	}
}
