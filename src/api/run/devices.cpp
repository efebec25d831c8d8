#include "api/run/devices.h"

#include "backend/cpu/device/cpu_device.h"
#include "backend/cpu/device/host.h"
#include "backend/null/device/null_device.h"
#include "base/text.h"

namespace tempera::api {
namespace {

Result<std::unique_ptr<runtime::Device>> create_null(int) { return null_device::create_device(); }
Status accept(const runtime::ArtifactTarget&) { return {}; }
Status check_cpu(const runtime::ArtifactTarget& target) { return cpu::check_host(target); }
std::vector<std::string> cpu_features() { return cpu::host_features(); }
std::vector<std::string> no_features() { return {}; }

constexpr DeviceRow kDevices[] = {
    {"cpu", "this processor", cpu::create_device, check_cpu, cpu_features},
    {"null", "accepts everything and computes nothing", create_null, accept, no_features},
};

}  // namespace

std::span<const DeviceRow> device_table() { return kDevices; }

Result<const DeviceRow*> find_device(std::string_view name) {
  for (const DeviceRow& row : kDevices)
    if (row.name == name) return &row;
  return error(ErrorCode::unsupported, "this program was built without the backend {}",
               quote(name));
}

Status check_runs_here(const runtime::ArtifactTarget& target) {
  ASSIGN_OR_RETURN(const DeviceRow* row, find_device(target.backend));
  return row->check(target);
}

}  // namespace tempera::api
