#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/artifact.h"
#include "runtime/device.h"

namespace tempera::api {

// One way to run plans.
struct DeviceRow {
  std::string_view name;  // the backend's
  std::string_view doc;
  Result<std::unique_ptr<runtime::Device>> (*create)(int threads);  // 0: one a core
  Status (*check)(const runtime::ArtifactTarget&);  // whether code for this target runs here
  std::vector<std::string> (*features)();           // of this host, as artifacts name them
};

// The one table of devices that this program was built with.
std::span<const DeviceRow> device_table();
Result<const DeviceRow*> find_device(std::string_view name);

// unsupported: this host cannot run code for that target.
Status check_runs_here(const runtime::ArtifactTarget& target);

}  // namespace tempera::api
