#include "tensor_file/git_lfs.h"

namespace tempera {

Status refuse_lfs_pointer(std::span<const std::byte> file_bytes, std::string_view where) {
  const std::string_view text(reinterpret_cast<const char*>(file_bytes.data()), file_bytes.size());
  constexpr size_t kLargestPointer = 1024;  // by the Git LFS specification
  if (text.size() > kLargestPointer ||
      !text.starts_with("version https://git-lfs.github.com/spec/"))
    return {};
  return error(ErrorCode::data_loss,
               "{}: is a git-lfs pointer, not the file itself; run git lfs pull", where);
}

}  // namespace tempera
