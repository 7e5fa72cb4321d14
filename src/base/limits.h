// SPDX-License-Identifier: Apache-2.0
// A limit on everything, in one place. Overload is refused by name, not discovered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace takt::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;

// --- what a user may send ---
inline constexpr std::size_t kSpecMaxBytes = 1 * kMiB;     // a whole spec, script and stdin too
inline constexpr std::size_t kMessageMaxBytes = 4 * kMiB;  // one gRPC message
inline constexpr std::size_t kArgvMax = 4096;              // elements
inline constexpr std::size_t kEnvironmentMax = 4096;       // variables
inline constexpr std::size_t kArgumentMaxBytes = 131071;   // the kernel's MAX_ARG_STRLEN
inline constexpr std::size_t kPathMaxBytes = 4095;         // the kernel's PATH_MAX
inline constexpr std::size_t kPathNameMaxBytes = 255;      // the kernel's NAME_MAX
inline constexpr std::size_t kAccountMaxBytes = 256;       // a user's or group's name
inline constexpr std::size_t kInterpreterMaxBytes = 255;   // of a script, the kernel's buffer
inline constexpr std::size_t kLabelsMax = 64;              // per job and per worker
inline constexpr std::size_t kNameMaxBytes = 128;          // a job's or worker's name
inline constexpr std::size_t kReasonMaxBytes = 1024;       // of a stop
inline constexpr std::size_t kRequestIdMaxBytes = 128;
inline constexpr std::size_t kPageSizeDefault = 100;
inline constexpr std::size_t kPageSizeMax = 1000;

inline constexpr std::int64_t kCpuMinMillicores = 10;  // the kernel's least quota: 1 ms in 100
inline constexpr std::int64_t kCpuMaxMillicores = 8'192'000;  // more processors than Linux has
inline constexpr std::int64_t kMemoryMinBytes = 1 * kMiB;
inline constexpr std::int64_t kMemoryMaxBytes = std::int64_t{1} << 60;
inline constexpr std::int64_t kTasksMax = 4194304;   // the kernel's own bound on pids
inline constexpr std::int64_t kTasksDefault = 4096;  // of a job, unless the worker's file says more
inline constexpr std::int64_t kWeightMax = 10000;
inline constexpr std::int64_t kWeightOfUser = 100;          // what is above it is for operators
inline constexpr std::int64_t kCountedMax = 1'000'000'000;  // of one thing that workers count
inline constexpr int kPriorityMax = 1000;
inline constexpr int kAttemptsMax = 1000;                 // of one job, by its retry policy
inline constexpr int kPartsMax = 10000;                   // of one job
inline constexpr std::size_t kDependenciesMax = 64;       // of one job
inline constexpr std::size_t kReadersMax = 64;            // of one job
inline constexpr std::size_t kConstraintValuesMax = 256;  // of all constraints of one job

// --- time ---
inline constexpr auto kRunTimeLimitMax = 24h * 365;
inline constexpr auto kQueueTimeLimitMax = 24h * 365;
inline constexpr auto kBackoffMax = 1h;
inline constexpr auto kSpanMax = 24h * 3653;     // of every time span in a request: 10 years
inline constexpr auto kNotBeforeMax = kSpanMax;  // of a start, ahead of now
inline constexpr auto kLeaseDefault = 10min;     // of jobs that are tried again when they are lost
inline constexpr auto kLeaseSlack = 5s;          // past all that a lease takes, by other clocks
inline constexpr auto kLeaseMin = 10s;           // two heartbeats: one that is late loses no job
inline constexpr auto kLeaseMax = 24h * 365;
inline constexpr auto kStopGraceDefault = 10s;
inline constexpr auto kStopGraceMax = 24h;
inline constexpr auto kStragglerGrace = 2s;       // for what outlives the leader
inline constexpr auto kBackstop = 15s;            // past the grace, then the worker overrules
inline constexpr auto kHoldoutsAfter = 10s;       // past all grace, then what is left is reported
inline constexpr auto kHoldoutsPauseMax = 10min;  // between two reports
inline constexpr auto kScopeStopSlack = 30s;      // TimeoutStopUSec beyond the grace
inline constexpr auto kHeartbeat = 5s;
inline constexpr auto kUnreachableAfter = 15s;
inline constexpr auto kLostAfter = 90s;
inline constexpr auto kReconnectMin = 200ms;
inline constexpr auto kReconnectMax = 5s;
inline constexpr auto kShutdownPatience = 5s;       // starts before go, at SIGTERM
inline constexpr unsigned kSystemUidsBelow = 1000;  // uids of the host's own users
inline constexpr auto kUserLookup = 5s;
inline constexpr auto kDeregister = 2s;    // patience with a scheduler when going down
inline constexpr auto kScopeStart = 60s;   // StartTransientUnit to JobRemoved
inline constexpr auto kBusConnect = 10s;   // to be let in by the system bus
inline constexpr auto kBusCall = 30s;      // a question to PID 1
inline constexpr auto kRpcDeadline = 30s;  // of our own unary calls

// --- the worker ---
inline constexpr std::size_t kStartsAtOnce = 32;
inline constexpr std::size_t kStartsWaiting = 10000;
inline constexpr std::size_t kScopesPerSlice = 32;
inline constexpr std::size_t kSlicesPerUser = 32;
inline constexpr std::size_t kIdleUserPlaces = 64;  // slices or cgroups of users without jobs
inline constexpr std::size_t kBusCallsInFlight = 100;
inline constexpr std::size_t kBusCallsWaiting = 20000;  // calls not yet sent
inline constexpr std::size_t kSupervisorMemoryBytes = 64 * kMiB;
inline constexpr std::size_t kChunkBytes = 64 * kKiB;              // one piece of output
inline constexpr std::uint64_t kOutputCapDefaultBytes = 1 * kGiB;  // per stream
inline constexpr std::uint64_t kOutputTailBytes = 1 * kMiB;        // of it for the end, at least
inline constexpr std::size_t kOutputPiecesMax = 16;  // files of one stream, each after lost bytes
inline constexpr auto kOutputRetry = 100ms;          // after a write that failed
inline constexpr std::size_t kOutputGiveBackBytes = 64 * kKiB;  // so that a full disk takes the end
inline constexpr std::uint64_t kFreeMinShare = 20;  // free_min, where it is not given: of
inline constexpr std::uint64_t kFreeMinShareMaxBytes = 1 * kGiB;  // the file system, at most
inline constexpr auto kFreeSpaceLook = 1s;                        // between two looks at that, or
inline constexpr std::uint64_t kFreeSpaceLookBytes = 1 * kMiB;    // so much output
inline constexpr auto kTimelineMerge = 100ms;                  // reads of one stream are one entry
inline constexpr std::uint64_t kTimelineMinBytes = 64 * kKiB;  // then its middle is dropped
inline constexpr std::uint64_t kTimelineMaxBytes = 8 * kMiB;
inline constexpr std::size_t kJournalLineMaxBytes = 48 * kKiB;
inline constexpr std::size_t kJournalBacklogBytes = 1 * kMiB;  // lines that wait for the journal
inline constexpr std::size_t kJournalWindowLines = 10000;      // journald's own default limit, past
inline constexpr auto kJournalWindow = 30s;                    // which it drops silently
inline constexpr std::size_t kJournalWindowBytes = 16 * kMiB;  // of a job, in the same time
inline constexpr auto kJournalFinish = 500ms;                  // for the last lines, at the end
inline constexpr std::size_t kOutputDropBehindBytes = 4 * kMiB;
inline constexpr std::size_t kRecordMaxBytes = 64 * kKiB;     // supervisor, exit, stop files
inline constexpr std::size_t kRecordTextMaxBytes = 4 * kKiB;  // a reason or note in one of them
inline constexpr std::int64_t kRetainAttempts = 100000;       // of the history
inline constexpr std::int64_t kRetainBytes = 10 * kGiB;
inline constexpr auto kRetainTime = 24h * 30;
inline constexpr auto kRetentionFirst = 1min;   // after the worker's start
inline constexpr auto kRetentionPause = 10min;  // between two looks at the history
inline constexpr std::size_t kFollowersMax = 1024;
inline constexpr std::size_t kFaultsMax = 5;      // starts that the host fails in a row
inline constexpr auto kProbeMin = 10s;            // then before the next start is tried; doubles
inline constexpr auto kProbeMax = 10min;          // up to this
inline constexpr int kGiveBacksMax = 50;          // of one job, by hosts that fail to start it
inline constexpr std::size_t kStoresMax = 1024;   // that schedulers claim, until a restart
inline constexpr std::size_t kRemainingMax = 16;  // processes told of an attempt that is ENDING
inline constexpr std::size_t kTailLinesMax = 100000;  // that a reader may ask for
inline constexpr std::uint64_t kTailMaxBytes = 16 * kMiB;
inline constexpr std::size_t kChunksPerMessage = 1024;

// --- the scheduler ---
inline constexpr std::size_t kWorkersMax = 10000;
inline constexpr std::size_t kOrphansMax = 1000;   // of one worker; more are in the journal only
inline constexpr std::size_t kStraysMax = 10000;   // of one worker, while they are looked up
inline constexpr std::size_t kQueueMax = 1000000;  // jobs not yet ended
inline constexpr std::size_t kJobsOfAccount = 100'000;           // default; of kQueueMax
inline constexpr std::int64_t kSpecBytesOfAccount = 256 * kMiB;  // default; of these jobs
inline constexpr std::size_t kWriterBatchesMax = 1024;
inline constexpr std::size_t kReaderQueriesMax = 1024;
inline constexpr std::size_t kReadsReserve = 128;  // of these, for operators only
inline constexpr std::size_t kWatchersMax = 1024;
inline constexpr std::size_t kWatchQueueMax = 256;          // events waiting for one watcher
inline constexpr std::size_t kEventHistoryMax = 1000000;    // rows kept in `events`
inline constexpr std::int64_t kHistoryJobs = 1000000;       // that have ended and are kept
inline constexpr auto kHistoryAge = 24h * 30;               // of a job, after its end
inline constexpr auto kHistoryAgeMin = 1min;                // who was told of an end may still look
inline constexpr std::size_t kPurgeStep = 256;              // jobs that leave it in one commit
inline constexpr std::int64_t kPurgeStepBytes = 4 * kMiB;   // of specs; then the step is over
inline constexpr std::size_t kPurgeLooks = 4;               // at so many jobs each, in one step
inline constexpr std::int64_t kStoreMax = 8 * kGiB;         // default of store_max
inline constexpr std::int64_t kJobStoreBytes = 1 * kKiB;    // of a job in the store, but its spec
inline constexpr std::int64_t kInputRemovedMin = 4 * kKiB;  // less than that gives no page free
inline constexpr auto kPurgePause = 20ms;                   // between two steps, at least
inline constexpr auto kPurgeRoundPause = 10min;             // between two walks along all of it
inline constexpr std::size_t kReportsPerMessage = 256;      // of a worker's list
inline constexpr std::size_t kRefusedAttemptsKept = 16;     // of one job, the newest
inline constexpr std::size_t kCandidatesListed = 10;        // of a prefix that fits several
inline constexpr std::size_t kIdPrefixMin = 4;              // hex characters
inline constexpr std::size_t kPlacementsPerTurn = 1024;
inline constexpr std::size_t kReservationsMax = 8;    // workers held for jobs that fit nowhere
inline constexpr std::size_t kQueuePlacesMax = 1000;  // counted before a job, then "more than"
inline constexpr auto kClockJump = 1h;                // of the wall clock that needs no explanation
inline constexpr auto kClockJumpMin = 1min;           // the same, however short history is kept
inline constexpr auto kClockAgreement = 24h;  // of both clocks after a jump, then it is believed
inline constexpr auto kClockSave = 10min;     // between two notes of what the clocks show
inline constexpr auto kWallClockLook = 30s;   // at most between two looks, as it may be set
inline constexpr std::size_t kSpecsPerRead = 32;        // of starts that go out
inline constexpr std::size_t kPageMaxBytes = 2 * kMiB;  // of a list in one answer, as encoded
inline constexpr std::size_t kJobMaxBytes = 3 * kMiB;   // of one job, then its oldest attempts go
inline constexpr std::size_t kListStatementsMax = 32;   // prepared ones, of different filters
inline constexpr std::size_t kSubmitJobsMax = 1000;     // specs in one SubmitJobs
inline constexpr std::int64_t kTasksPerRequestMax = 10000;        // of all its specs
inline constexpr std::size_t kDependenciesPerRequestMax = 10000;  // of all its specs
inline constexpr std::size_t kFanOutsPerRequestMax = 16;  // specs for one task on each worker
inline constexpr std::size_t kWatchedJobsMax = 1000;      // ids in one WatchJobs
inline constexpr std::size_t kSessionQueueMax = 20000;    // messages waiting for one worker
inline constexpr std::size_t kSessionWindow = 64;         // of a worker, not yet dealt with
inline constexpr std::size_t kLedgerOpenMax = 20000;      // changes that wait for the writer
inline constexpr auto kFreezePatience = 20s;              // with a worker that is to freeze a job
inline constexpr auto kReloadPause = 1s;                  // between tries to load the store
inline constexpr auto kStatusPause = 1s;                  // between two STATUS= lines

// --- rpc ---
inline constexpr std::size_t kConnectionsMax = 4096;
inline constexpr std::size_t kTlsConnectionsMax = 2730;    // of these; 2047 not reserved
inline constexpr std::size_t kConnectionsOfAccount = 256;  // default
inline constexpr std::size_t kRequestsMax = 16384;         // unary calls not answered yet
inline constexpr std::size_t kRequestsOfAccount = 256;     // default
inline constexpr std::size_t kRequestsPerSecond = 10000;   // default; calls and streams begun
inline constexpr std::size_t kRequestsPerSecondMax = 1000000;
inline constexpr std::size_t kMessageBytesMax = 128 * kMiB;  // of unary calls in flight
inline constexpr std::size_t kMessageBytesOfAccount = 16 * kMiB;
inline constexpr std::size_t kSmallAnswerBytes = 64 * kKiB;  // of an answer that is not counted
inline constexpr std::size_t kReadersOfAccount = 256;        // default; of kFollowersMax
inline constexpr std::size_t kWatchersOfAccount = 256;       // default; of kWatchersMax
inline constexpr std::size_t kRefusalsMax = 256;  // connections served only to refuse calls
inline constexpr std::size_t kRefusalsOfAccount = 8;
inline constexpr auto kRefusalAge = 1s;                 // of such a connection, then it is closed
inline constexpr std::size_t kIdleIdentitiesMax = 128;  // callers without a connection, kept
inline constexpr std::size_t kGrpcBytesOfAccount = 64 * kMiB;  // quota of gRPC for one user
inline constexpr std::size_t kGrpcBytesMax = 512 * kMiB;       // for an operator, or all of TLS
inline constexpr std::size_t kGrpcBytesOfRefusals = 8 * kMiB;  // for one user's refusals
inline constexpr std::size_t kMetadataMaxBytes = 4 * kKiB;     // headers of one call
inline constexpr std::size_t kLoopPostsMax = 100000;
inline constexpr std::size_t kStreamsPerConnection = 2048;
inline constexpr std::size_t kStreamsPerUserConnection = 512;
inline constexpr std::size_t kDrainingMax = 4;  // old sets of credentials with calls still on them
inline constexpr auto kLobbyPatience = 10s;     // with a connection that gRPC does not have yet
inline constexpr std::size_t kPemMaxBytes = 1 * kMiB;      // a file of certificates
inline constexpr std::size_t kRefusalLinesPerMinute = 60;  // in the log, of one kind
inline constexpr std::size_t kRefusalLinesOfAccount = 10;  // of these, about one account
inline constexpr auto kTlsCheck = 5s;                      // between looks at the files of [tls]
inline constexpr auto kRenewalDrain = 1h;                  // for calls on old credentials
inline constexpr std::size_t kLoopTurnMax = 256;           // sources run before the turn-end hooks
inline constexpr auto kIterationSlow = 50ms;     // of the loop; what takes longer is counted
inline constexpr auto kIterationLogged = 500ms;  // what takes longer is logged
inline constexpr int kTimerChainMax = 1000;      // timers due at once, each added by the one before
inline constexpr auto kTimerChainPause = 100ms;  // then before the next one

// --- the original design's wire format (src/compat) ---
inline constexpr std::size_t kOldWorkersMax = 64;      // old workers behind one scheduler
inline constexpr std::int64_t kOldSlotsDefault = 16;   // jobs at once on an old worker
inline constexpr std::int64_t kOldSlotsMax = 1000;     // the most that may be configured
inline constexpr std::size_t kOldAttemptsMax = 4096;   // held for one old worker, ends too
inline constexpr std::size_t kOldQueriesAtOnce = 8;    // to one old worker
inline constexpr std::size_t kOldCallsMax = 256;       // calls of old programs not yet answered
inline constexpr std::size_t kOldTextMaxBytes = 1024;  // of a text that an old program sent
inline constexpr std::size_t kOldRecordMaxBytes = 16 * kKiB;
inline constexpr auto kOldCallDeadline = 1s;  // of a call to an old worker
inline constexpr auto kOldPollPause = 1s;     // between two looks at a running job
inline constexpr auto kOldProbePause = 5s;    // between two looks at an idle old worker

// --- the command line ---
inline constexpr auto kClientPauseMin = 50ms;  // between tries of a call
inline constexpr auto kClientPauseMax = 2s;
inline constexpr auto kClientTellAfter = 3s;         // of waiting, then it says for what
inline constexpr auto kClientOutagePatience = 1h;    // of a follower that lost contact
inline constexpr std::size_t kClientJobsMax = 1000;  // jobs named to one verb
inline constexpr std::size_t kClientPartsMax = 16;   // whose output is followed at once
inline constexpr std::size_t kErrorsTold = 20;       // of one request

static_assert(5 * 3 * kRecordTextMaxBytes + 4 * kKiB <= kRecordMaxBytes, "a record can be read");
static_assert(kSpecMaxBytes * 2 < kMessageMaxBytes, "a spec and its frame fit a message");
static_assert(kUnreachableAfter >= 2 * kHeartbeat, "one late heartbeat is no outage");
static_assert(kLostAfter > kUnreachableAfter, "unreachable comes before lost");
static_assert(kOutputPiecesMax >= 4, "some for the begin, two for the end");
static_assert(kPartsMax < static_cast<int>(kLedgerOpenMax), "a job with its parts is one commit");
static_assert(kPartsMax <= kTasksPerRequestMax, "the largest array can be submitted");
static_assert(kTasksPerRequestMax + kSubmitJobsMax < kLedgerOpenMax, "a request is one commit");
static_assert(kJobMaxBytes < kMessageMaxBytes, "a job fits an answer");
static_assert(kPageSizeDefault <= kPageSizeMax, "the default page is allowed");

}  // namespace takt::limits
