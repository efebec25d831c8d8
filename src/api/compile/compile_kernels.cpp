#include "api/compile/compile_kernels.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "api/compile/backends.h"
#include "api/compile/build_id.h"

namespace tempera::api {
namespace {

// The symbol holds the hash of the kernel's text.
std::string cache_key(const lower::LoweredKernel& kernel, const Target& target) {
  return fmt::format("{}\n{}\n{}\n{:d}", build_id(), key(target), kernel.symbol, kernel.may_alias);
}

// Shares the missing kernels among threads; stops at the first error.
class Compilation {
 public:
  Compilation(const lower::Lowered& lowered, const Target& target, const DiskCache& cache,
              const CompileProgressFunction& progress)
      : lowered_(lowered), target_(target), cache_(cache), progress_(progress) {}

  Result<std::vector<KernelObject>> run(int threads) {
    find_cached();
    {
      std::vector<std::jthread> workers;
      const auto useful = std::min<size_t>(static_cast<size_t>(threads), missing_.size());
      for (size_t i = 1; i < useful; ++i) workers.emplace_back([this] { work(); });
      work();
    }
    if (bug_) std::rethrow_exception(bug_);
    if (!status_.ok()) return status_.error();
    return std::move(objects_);
  }

 private:
  void find_cached() {
    for (const lower::LoweredKernel& kernel : lowered_.kernels) {
      auto found = cache_.find("kernels", cache_key(kernel, target_));
      if (!found) missing_.push_back(objects_.size());
      objects_.push_back({kernel.symbol, std::move(found).value_or("")});
    }
  }

  void work() {
    for (size_t i = next_++; i < missing_.size() && !stopped_; i = next_++) {
      try {
        note(compile(missing_[i]));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        bug_ = std::current_exception();
        stopped_ = true;
      }
    }
  }

  Status compile(size_t index) {
    const lower::LoweredKernel& kernel = lowered_.kernels[index];
    ASSIGN_OR_RETURN(objects_[index].bytes,
                     backend_of(target_).compile(kernel.kernel, kernel.may_alias, target_));
    cache_.store("kernels", cache_key(kernel, target_), objects_[index].bytes);
    return {};
  }

  void note(const Status& status) {
    const std::lock_guard lock(mutex_);
    if (!status.ok()) status_ = status;
    ++done_;
    const auto total = static_cast<int64_t>(missing_.size());
    if (progress_ && status_.ok() && !progress_({lowered_.plan.component, done_, total}))
      status_ =
          error(ErrorCode::cancelled, "stopped after compiling {} of {} kernels", done_, total);
    if (!status_.ok()) stopped_ = true;
  }

  const lower::Lowered& lowered_;
  const Target& target_;
  const DiskCache& cache_;
  const CompileProgressFunction& progress_;
  std::vector<KernelObject> objects_;
  std::vector<size_t> missing_;  // indices into objects_
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;  // of what follows
  int64_t done_ = 0;
  Status status_;
  std::exception_ptr bug_;
};

}  // namespace

Result<std::vector<KernelObject>> compile_kernels(const lower::Lowered& lowered,
                                                  const Target& target, const DiskCache& cache,
                                                  int threads,
                                                  const CompileProgressFunction& progress) {
  return Compilation(lowered, target, cache, progress).run(threads);
}

}  // namespace tempera::api
