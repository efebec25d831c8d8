#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/file.h"
#include "base/status.h"
#include "tensor_file/tensor_file.h"

namespace tempera::torch {

// Bytes of a file, and what keeps them there.
struct FileBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::shared_ptr<const MappedFile> file;  // null when they are not mapped
  std::string_view path;                   // for messages
};

// What torch.save writes since version 1.6: a zip archive of data.pkl and one stored file a
// storage. Tensors stay mapped; of archives that another program packed again they are unpacked, up
// to 20 times the archive's size.
Result<TensorFileContents> read_archive(const FileBytes& file);

// What it wrote before: pickles of a magic number, a protocol, the writer's machine, the object and
// the storages' keys, then the storages. Tensors stay mapped.
Result<TensorFileContents> read_legacy(const FileBytes& file);

}  // namespace tempera::torch
