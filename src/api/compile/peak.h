#pragma once

#include "api/compile/disk_cache.h"
#include "api/run/peaks.h"
#include "base/status.h"
#include "base/target.h"

namespace tempera::api {

// Runs loops that our own code generator makes of kernel IR: sums in registers, and sums over
// memory. Takes a third of a second once; `cache` remembers the answer by target, processor and
// threads. Rates of arithmetic count processor time, so that other programs' work does not lower
// them. `target` must be this machine's or run on it.
Result<Peaks> measure_peaks(const Target& target, const DiskCache& cache, int threads = 1);

// Of this machine, whatever a model was compiled for, remembered in the default cache folder.
Result<Peaks> measure_host_peaks(int threads);

}  // namespace tempera::api
