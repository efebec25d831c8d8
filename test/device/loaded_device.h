#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/device.h"

namespace tempera {

// A device with the kernels of kernels.txt loaded.
struct LoadedDevice {
  std::unique_ptr<runtime::Device> device;
  std::unique_ptr<runtime::Module> module;
  bool computes = true;  // false: outputs mean nothing
};

LoadedDevice load_cpu(int threads);
// "cpu" (kernels.cpp), "cpu_compiled" (kernels.txt through codegen), "interpreter", "null"
LoadedDevice load_device(const std::string& name);

// A buffer of the device that holds the floats.
std::unique_ptr<runtime::Buffer> make_buffer(runtime::Device& device, std::vector<float> values);
std::vector<float> floats_in(runtime::Device& device, runtime::Buffer& buffer);

}  // namespace tempera
