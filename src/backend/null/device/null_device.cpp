#include "backend/null/device/null_device.h"

#include "runtime/host_device.h"

namespace tempera::null_device {
namespace {

class NullLaunchList : public runtime::LaunchList {
 public:
  explicit NullLaunchList(size_t size) : LaunchList(static_cast<int64_t>(size)) {}
};

class NullDevice : public runtime::HostDevice {
 public:
  std::string_view name() const override { return "null"; }

  Result<std::unique_ptr<runtime::Module>> load_module(const runtime::ModuleCode&) override {
    return std::make_unique<runtime::Module>();
  }

  Result<std::unique_ptr<runtime::LaunchList>> prepare(
      const runtime::Module&, std::span<const runtime::Launch> launches) override {
    return std::unique_ptr<runtime::LaunchList>(std::make_unique<NullLaunchList>(launches.size()));
  }

  Status submit(runtime::LaunchList&, runtime::LaunchTimes*) override { return {}; }
};

}  // namespace

std::unique_ptr<runtime::Device> create_device() { return std::make_unique<NullDevice>(); }

}  // namespace tempera::null_device
