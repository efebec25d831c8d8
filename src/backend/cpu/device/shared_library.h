#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "runtime/device.h"

namespace tempera::cpu {

// A shared library in this process.
class SharedLibrary : public runtime::Module {
 public:
  // data_loss: no shared library; unsupported: one for another processor; unavailable: the system
  // refuses it.
  static Result<std::unique_ptr<SharedLibrary>> load(const runtime::ModuleCode& code);
  ~SharedLibrary() override;
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;

  // The address of a symbol, or null.
  void* find(const std::string& symbol) const;

 private:
  SharedLibrary(void* handle, int descriptor) : handle_(handle), descriptor_(descriptor) {}
  void* handle_;
  // Of code that was only in memory, or -1. The loader knows the library by the descriptor's
  // number: it must not be given to another while this is loaded.
  int descriptor_;
};

}  // namespace tempera::cpu
