#pragma once

#include "runtime/device.h"

namespace tempera::runtime {

// A device whose memory is the host's: all of Device but loading and running code.
class HostDevice : public Device {
 public:
  Result<std::unique_ptr<Buffer>> allocate(int64_t bytes) override;
  Result<std::unique_ptr<Buffer>> wrap(std::span<const std::byte> bytes) override;
  Status upload(const BufferSlice& to, std::span<const std::byte> bytes) override;
  Status download(const BufferSlice& from, std::span<std::byte> bytes) override;
  Status wait() override { return {}; }
};

// Seconds of the clock of LaunchTimes.
double now();

// The address that a kernel on a host device is given.
std::byte* address(const BufferSlice& slice);

}  // namespace tempera::runtime
