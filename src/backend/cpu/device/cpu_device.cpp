#include "backend/cpu/device/cpu_device.h"

#include <sched.h>

#include <algorithm>
#include <thread>

#include "backend/cpu/device/shared_library.h"
#include "base/text.h"
#include "runtime/host_device.h"
#include "runtime/thread_pool.h"

namespace tempera::cpu {
namespace {

using runtime::Buffer;
using runtime::BufferSlice;
using runtime::Launch;

struct CpuLaunch {
  KernelFunction function;
  void* const* buffers;
  int64_t grid;
};

struct CpuLaunchList : runtime::LaunchList {
  CpuLaunchList(std::vector<CpuLaunch> launches, std::vector<void*> addresses)
      : LaunchList(static_cast<int64_t>(launches.size())),
        launches(std::move(launches)),
        addresses(std::move(addresses)) {}
  const std::vector<CpuLaunch> launches;
  const std::vector<void*> addresses;  // what launches' buffers point into
};

Result<KernelFunction> find_kernel(const SharedLibrary& library, const std::string& symbol) {
  if (void* found = library.find(symbol)) return reinterpret_cast<KernelFunction>(found);
  return error(ErrorCode::not_found, "the compiled code has no kernel {}", quote(symbol));
}

class CpuDevice : public runtime::HostDevice {
 public:
  explicit CpuDevice(std::unique_ptr<runtime::ThreadPool> pool)
      : pool_(std::move(pool)), scratch_(pool_->thread_count()) {}

  std::string_view name() const override { return "cpu"; }
  int thread_count() const override { return pool_->thread_count(); }

  Result<std::unique_ptr<runtime::Module>> load_module(const runtime::ModuleCode& code) override {
    ASSIGN_OR_RETURN(std::unique_ptr<runtime::Module> module, SharedLibrary::load(code));
    return module;
  }

  Result<std::unique_ptr<runtime::LaunchList>> prepare(const runtime::Module& module,
                                                       std::span<const Launch> launches) override {
    std::vector<void*> addresses;
    for (const Launch& launch : launches) {
      TRY(reserve_scratch(launch.kernel->scratch_bytes));
      for (const BufferSlice& slice : launch.buffers) addresses.push_back(runtime::address(slice));
    }
    std::vector<CpuLaunch> prepared;
    void* const* next = addresses.data();
    for (const Launch& launch : launches) {
      ASSIGN_OR_RETURN(
          const KernelFunction function,
          find_kernel(static_cast<const SharedLibrary&>(module), launch.kernel->symbol));
      prepared.push_back({function, next, launch.kernel->grid});
      next += launch.buffers.size();
    }
    return std::unique_ptr<runtime::LaunchList>(
        std::make_unique<CpuLaunchList>(std::move(prepared), std::move(addresses)));
  }

  Status submit(runtime::LaunchList& list, runtime::LaunchTimes* times) override {
    const auto& launches = static_cast<const CpuLaunchList&>(list).launches;
    if (times == nullptr) {
      for (const CpuLaunch& launch : launches) run(launch);
      return {};
    }
    const auto threads = static_cast<size_t>(thread_count());
    CHECK(times->launches.size() == launches.size() &&
              times->workers.size() == launches.size() * threads,
          "{} times for {} launches", times->launches.size(), launches.size());
    for (size_t i = 0; i < launches.size(); ++i) {
      const double begin = runtime::now();
      run_timed(launches[i], std::span(times->workers).subspan(i * threads, threads));
      times->launches[i] = {begin, runtime::now()};
    }
    return {};
  }

 private:
  void run(const CpuLaunch& launch) {
    pool_->parallel_for(launch.grid, [&](int64_t begin, int64_t end, int worker) {
      launch.function(launch.buffers, scratch_[worker], begin, end);
    });
  }

  void run_timed(const CpuLaunch& launch, std::span<runtime::Interval> workers) {
    std::ranges::fill(workers, runtime::Interval{});
    pool_->parallel_for(launch.grid, [&](int64_t begin, int64_t end, int worker) {
      runtime::Interval& worked = workers[worker];
      if (worked.begin == 0) worked.begin = runtime::now();
      launch.function(launch.buffers, scratch_[worker], begin, end);
      worked.end = runtime::now();
    });
  }

  // One block for all workers, grown to the largest that any list asks for.
  Status reserve_scratch(int64_t bytes) {
    const int64_t needed = std::max<int64_t>(64, (bytes + 63) / 64 * 64);
    if (needed <= scratch_bytes_) return {};
    const auto workers = static_cast<int64_t>(scratch_.size());
    ASSIGN_OR_RETURN(scratch_memory_, allocate(needed * workers));
    for (int64_t i = 0; i < workers; ++i)
      scratch_[i] = runtime::address({scratch_memory_.get(), needed * i});
    scratch_bytes_ = needed;
    return {};
  }

  std::unique_ptr<runtime::ThreadPool> pool_;
  std::unique_ptr<Buffer> scratch_memory_;
  std::vector<void*> scratch_;  // each worker's part of scratch_memory_
  int64_t scratch_bytes_ = 0;   // of one worker
};

int usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof(cores), &cores) == 0) return CPU_COUNT(&cores);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

Result<std::unique_ptr<runtime::Device>> create_device(int threads) {
  ASSIGN_OR_RETURN(auto pool, runtime::ThreadPool::create(threads > 0 ? threads : usable_cores()));
  return std::unique_ptr<runtime::Device>(std::make_unique<CpuDevice>(std::move(pool)));
}

}  // namespace tempera::cpu
