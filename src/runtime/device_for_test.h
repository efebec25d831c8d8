#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/host_device.h"

namespace tempera::runtime {

// Runs the kernels of small_plan on floats and notes what ran.
class DeviceForTest : public HostDevice {
 public:
  std::string_view name() const override { return "test"; }
  std::vector<std::string> ran;  // symbols; has room for kRoom without allocating
  static constexpr size_t kRoom = 4096;

  DeviceForTest() { ran.reserve(kRoom); }

  Result<std::unique_ptr<Module>> load_module(const ModuleCode&) override {
    return std::make_unique<Module>();
  }
  Result<std::unique_ptr<LaunchList>> prepare(const Module&,
                                              std::span<const Launch> launches) override {
    auto list = std::make_unique<List>(launches.size());
    for (const Launch& launch : launches) {
      if (launch.kernel->symbol == "missing")
        return error(ErrorCode::not_found, "the module has no kernel 'missing'");
      list->launches.push_back({launch.kernel->symbol, {}, launch.kernel->grid});
      for (const BufferSlice& slice : launch.buffers)
        list->launches.back().floats.push_back(checked_address(slice));
    }
    return std::unique_ptr<LaunchList>(std::move(list));
  }
  Status submit(LaunchList& list, LaunchTimes* times) override {
    for (const Prepared& launch : static_cast<List&>(list).launches) run(launch);
    if (times != nullptr) std::ranges::fill(times->launches, Interval{1, 1.5});
    return {};
  }

 private:
  struct Prepared {
    std::string symbol;  // short: a copy allocates nothing
    std::vector<float*> floats;
    int64_t grid;
  };
  struct List : LaunchList {
    explicit List(size_t size) : LaunchList(static_cast<int64_t>(size)) {}
    std::vector<Prepared> launches;
  };

  static float* checked_address(const BufferSlice& slice) {
    auto* place = reinterpret_cast<float*>(address(slice));
    CHECK(reinterpret_cast<uintptr_t>(place) % alignof(float) == 0, "kernels assume alignment");
    return place;
  }

  void run(const Prepared& launch) {
    const auto& f = launch.floats;
    for (int64_t i = 0; i < launch.grid; ++i) {
      if (launch.symbol == "twice") f[1][i] = 2 * f[0][i];
      if (launch.symbol == "add") f[2][i] = f[0][i] + f[1][i];
      if (launch.symbol == "multiply") f[2][i] = f[0][i] * f[1][i];
    }
    if (ran.size() < kRoom) ran.push_back(launch.symbol);
  }
};

}  // namespace tempera::runtime
