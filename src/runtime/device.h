#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/plan.h"

namespace tempera::runtime {

// What a device must offer to run plans. Each class is derived from once a device; objects of one
// device are never handed to another. A device outlives all it made. None of this may be used from
// two threads at once.

// Bytes; every parameter that a kernel writes starts at a multiple, and kernels may assume it
// (Target::buffer_alignment of hosts). Those only read start at a multiple of their elements' size.
inline constexpr int64_t kBufferAlignment = 64;

// A block of device memory, aligned to kBufferAlignment; one that wraps the caller's memory lies
// where that lies.
class Buffer {
 public:
  virtual ~Buffer() = default;
  int64_t size() const { return size_; }  // bytes
  // The memory as the host sees it; empty on a device whose memory the host cannot see.
  virtual std::span<std::byte> host_view() { return {}; }

 protected:
  explicit Buffer(int64_t size) : size_(size) {}

 private:
  int64_t size_;
};

// A place in a buffer: what a kernel's parameter is bound to.
struct BufferSlice {
  Buffer* buffer = nullptr;
  int64_t offset = 0;  // bytes
};

// One run of a kernel over its grid.
struct Launch {
  const PlanKernel* kernel = nullptr;
  std::vector<BufferSlice> buffers;  // one for each parameter
};

// Code as an artifact holds it: a shared library, or a text that the device compiles. `path` names
// a file with the same bytes, or is empty when the code is only in memory.
struct ModuleCode {
  std::string path;
  std::span<const std::byte> bytes;
};

// Loaded code.
class Module {
 public:
  virtual ~Module() = default;
};

// Launches made ready: symbols looked up, addresses resolved, scratch memory at hand. Submitting
// one allocates nothing.
class LaunchList {
 public:
  virtual ~LaunchList() = default;
  int64_t size() const { return size_; }  // launches

 protected:
  explicit LaunchList(int64_t size) : size_(size) {}

 private:
  int64_t size_;
};

// When something ran, in seconds of a clock that only goes forward.
struct Interval {
  double begin = 0, end = 0;
  double seconds() const { return end - begin; }
};
struct LaunchTimes {
  LaunchTimes() = default;
  LaunchTimes(size_t count, int threads)
      : launches(count), workers(count * static_cast<size_t>(threads)) {}
  std::vector<Interval> launches;
  // `threads` for each launch: from a worker's first piece of its grid to the end of its last; 0
  // and 0 where it had none.
  std::vector<Interval> workers;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view name() const = 0;  // the backend's: "cpu"
  virtual int thread_count() const { return 1; }

  // resource_exhausted: there is not so much memory. The contents are undefined at first.
  virtual Result<std::unique_ptr<Buffer>> allocate(int64_t bytes) = 0;
  // Memory that kernels only read and that stays in place as long as the buffer lives (a mapped
  // file's tensor). A device that reads host memory copies nothing; any other uploads it.
  virtual Result<std::unique_ptr<Buffer>> wrap(std::span<const std::byte> bytes) = 0;
  virtual Status upload(const BufferSlice& to, std::span<const std::byte> bytes) = 0;
  virtual Status download(const BufferSlice& from, std::span<std::byte> bytes) = 0;

  // data_loss: this is no code of this device; unavailable: the system cannot load it.
  virtual Result<std::unique_ptr<Module>> load_module(const ModuleCode& code) = 0;
  // not_found: a symbol that the module lacks. Module and buffers outlive the list; the kernels
  // need not.
  virtual Result<std::unique_ptr<LaunchList>> prepare(const Module& module,
                                                      std::span<const Launch> launches) = 0;
  // Runs the launches in order, each seeing what those before it wrote. With `times` (made for the
  // list and this device's threads) it waits for the end and tells when each ran.
  virtual Status submit(LaunchList& list, LaunchTimes* times = nullptr) = 0;
  // Returns when all that was submitted is done.
  virtual Status wait() = 0;
};

}  // namespace tempera::runtime
