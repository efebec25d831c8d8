#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "runtime/plan.h"

namespace tempera::api {

// Bytes that a component takes while it is loaded.
struct ComponentMemory {
  std::string component;
  int64_t weights = 0;    // packed, and stored ones that later stages read where they lie
  int64_t arena = 0;      // temporaries
  int64_t live = 0;       // the largest sum of live temporaries, a lower bound of the arena
  int64_t state = 0;      // values kept between stages
  int64_t boundary = 0;   // inputs, outputs and constants
  int64_t scratch = 0;    // of all workers
  int64_t transient = 0;  // of runtime::transient_setup_bytes()
  int64_t loaded() const { return weights + arena + state + boundary + scratch; }
};
ComponentMemory memory_of(const runtime::Plan& plan, int threads);
// Of several plans of one component that are loaded together: what they share counts once.
ComponentMemory memory_of(std::span<const runtime::Plan* const> plans, int threads);

// The peak of a picture, of its components in order, the last two of which are the UNet and the
// VAE's decoder: those before are freed each before the next is loaded, and the UNet stays while
// the VAE decodes unless it is freed too. `resident` is what the process holds without any
// component.
int64_t predict_peak(std::span<const ComponentMemory> components, int64_t resident,
                     bool frees_unet);

// Of this process, from /proc/self/status; 0 where the system does not tell.
int64_t resident_bytes();
int64_t peak_resident_bytes();

Json to_json(const ComponentMemory& memory);

}  // namespace tempera::api
