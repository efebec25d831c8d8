#include "tensor_file/safetensors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "tensor_file/stream_safetensors.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;

std::string broken(std::string_view name) {
  return fmt::format("{}/test/data/broken/{}", TEMPERA_SOURCE_DIR, name);
}

// A file of a test's own, gone after it.
class TemporaryFile {
 public:
  TemporaryFile()
      : path_((fs::temp_directory_path() / fmt::format("tempera_{}.safetensors", ::getpid()))
                  .string()) {}
  ~TemporaryFile() { fs::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string file_bytes(std::string_view header, std::string_view data) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i));
  return bytes.append(header).append(data);
}

Result<SafetensorsHeader> parse(std::string_view bytes) {
  return parse_safetensors_header(std::as_bytes(std::span(bytes)), bytes.size(), "f");
}

std::string refusal(std::string_view header, std::string_view data) {
  const Result<SafetensorsHeader> parsed = parse(file_bytes(header, data));
  return parsed.ok() ? "loads" : parsed.error().message;
}

Tensor filled(DType dtype, Shape shape) {
  Tensor tensor(dtype, std::move(shape));
  for (size_t i = 0; i < tensor.data.size(); ++i)
    tensor.data[i] = static_cast<std::byte>(i * 7 + 1);
  return tensor;
}

TEST(Safetensors, BrokenFilesAreRefusedAndSoundOnesLoad) {
  const Json index = read_json_file(broken("index.json")).value();
  ASSERT_GE(index["files"].size(), 27u);
  for (const auto& [name, row] : index["files"].items()) {
    if (!name.ends_with(".safetensors")) continue;
    const Result<SafetensorsFile> file = SafetensorsFile::open(broken(name));
    EXPECT_EQ(file.ok(), row["error"].is_null())
        << name << (file.ok() ? "" : ": " + file.error().message);
    if (file.ok()) continue;
    EXPECT_TRUE(file.error().message.starts_with(broken(name) + ": ")) << file.error().message;
    EXPECT_FALSE(file.error().message.ends_with('.')) << file.error().message;
  }
}

struct Refusal {
  std::string file;
  std::string message;
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) { return out << refusal.file; }

class SafetensorsRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(SafetensorsRefusal, NamesTheTensorAndTheValues) {
  const std::string path = broken(GetParam().file + ".safetensors");
  const Result<SafetensorsFile> file = SafetensorsFile::open(path);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().message, path + ": " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, SafetensorsRefusal,
    testing::Values(
        Refusal{"empty", "is empty"},
        Refusal{"lfs_pointer", "is a git-lfs pointer, not the file itself; run git lfs pull"},
        Refusal{"short_header_length",
                "has 7 bytes, fewer than the 8 of the header length; download it again"},
        Refusal{"truncated_header",
                "the header should have 128 bytes, but only 32 follow; the file is cut short or no "
                "safetensors file"},
        Refusal{"truncated_data",
                "tensor 'b': data_offsets [16, 32] reach past the file's 27 bytes of data; "
                "download the file again"},
        Refusal{"extra_data", "4 bytes follow the last tensor, which ends at 32 of 36"},
        Refusal{"overlap",
                "tensor 'b': data_offsets [8, 24] overlap the tensor before, which ends at 16"},
        Refusal{"hole", "tensor 'b': data_offsets [16, 32] leave a hole of 8 bytes before them"},
        Refusal{"reversed", "tensor 'a': data_offsets [16, 0] end before they begin"},
        Refusal{"size_mismatch",
                "tensor 'a': f32 [5] takes 20 bytes, but data_offsets [0, 16] are 16 apart"},
        Refusal{"negative_shape",
                "tensor 'a': shape must hold integers from 0 to 2^63 - 1, not -4"},
        Refusal{"shape_overflow",
                "tensor 'a': shape [8589934592, 8589934592] overflows the size of a tensor"},
        Refusal{"unknown_dtype",
                "tensor 'a' has dtype 'F13'; supported are F64, F32, F16, BF16, I64, I32, I8, U8 "
                "and BOOL"},
        Refusal{"missing_field", "tensor 'a': data_offsets is missing"},
        Refusal{"fraction_offset",
                "tensor 'a': data_offsets must hold integers from 0 to 2^63 - 1, not 16.5"},
        Refusal{"duplicate_name", "header: the key 'a' occurs twice in one object"},
        Refusal{"deep_json", "header: nested deeper than 64 levels"},
        Refusal{"not_object", "the header must be a JSON object, which starts with '{'"}),
    [](const auto& info) { return info.param.file; });

TEST(Safetensors, ReadsTensorsAndMetadata) {
  const SafetensorsFile file =
      SafetensorsFile::open(broken("ok_metadata_padding.safetensors")).value();
  EXPECT_EQ(file.metadata(), (std::vector<std::pair<std::string, std::string>>{{"k", "v"}}));
  EXPECT_EQ(file.names(), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(file.find("c"), nullptr);
  const TensorInfo* b = file.find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->shape, (Shape{2, 2}));
  const Tensor tensor = file.load(*b);
  EXPECT_TRUE(std::ranges::equal(tensor.as<float>(), std::vector<float>{4, 5, 6, 7}));
}

TEST(Safetensors, LookUpsSurviveAMove) {
  SafetensorsFile file = SafetensorsFile::open(broken("ok.safetensors")).value();
  const TensorInfo* before = file.find("b");
  const SafetensorsFile moved = std::move(file);
  EXPECT_EQ(moved.find("b"), before);
  EXPECT_EQ(before->name, "b");
}

TEST(Safetensors, MissingFilesAreNotFound) {
  EXPECT_EQ(SafetensorsFile::open("/no/unet.safetensors").error().code, ErrorCode::not_found);
}

TEST(Safetensors, HeadersOver100MegabytesAreNotRead) {
  std::string start(8, '\0');
  start[3] = 6;  // 6 * 2^24 = 100,663,296
  const auto parsed =
      parse_safetensors_header(std::as_bytes(std::span(start)), uint64_t{1} << 40, "f");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, ErrorCode::resource_exhausted);
}

TEST(Safetensors, EveryFieldHasItsType) {
  EXPECT_EQ(refusal(R"({"a":3})", ""), "f: tensor 'a': must be an object, not number");
  EXPECT_EQ(refusal(R"({"a":{"dtype":1,"shape":[],"data_offsets":[0,4]}})", "1234"),
            "f: tensor 'a': field 'dtype' must be a string, not another number");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":4,"data_offsets":[0,4]}})", "1234"),
            "f: tensor 'a': shape must be an array, not number");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", "1234"),
            "f: tensor 'a': shape must hold integers from 0 to 2^63 - 1, not string");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,2,4]}})", "1234"),
            "f: tensor 'a': data_offsets must be [begin, end], not 3 numbers");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,18446744073709551615]}})",
                    "1234"),
            "f: tensor 'a': data_offsets must hold integers from 0 to 2^63 - 1, not "
            "18446744073709551615");
  EXPECT_EQ(refusal(R"({"__metadata__":{"a":1}})", ""),
            "f: __metadata__ 'a' must be a string, not number");
  EXPECT_EQ(refusal(R"({"__metadata__":[]})", ""), "f: __metadata__ must be an object, not array");
}

TEST(Safetensors, HostileNamesReachTheTerminalEscaped) {
  EXPECT_EQ(refusal(R"({"\u001b[2J":3})", ""),
            "f: tensor '\\x1b[2J': must be an object, not number");
}

TEST(Safetensors, ShapesWithZeroStayFiniteAndHugeProductsAreRefused) {
  EXPECT_EQ(
      refusal(R"({"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}})", ""),
      "loads");
  EXPECT_NE(
      refusal(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", ""),
      "loads");
}

TEST(Safetensors, EmptyTensorsMayStandBetweenOthers) {
  EXPECT_EQ(refusal(R"({"z":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                    R"("e":{"dtype":"U8","shape":[0],"data_offsets":[2,2]},)"
                    R"("a":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                    "123"),
            "loads");
  EXPECT_EQ(refusal("{}", ""), "loads");
}

TEST(SafetensorsWrite, WhatIsWrittenIsReadBack) {
  const TemporaryFile temporary;
  const Tensor half = filled(DType::f16, {3, 5});
  const Tensor scalar = filled(DType::i64, {});
  const Tensor empty = filled(DType::f32, {0, 4});
  const Tensor flags = filled(DType::boolean, {7});
  ASSERT_TRUE(write_safetensors(temporary.path(),
                                {view("half", half), view("flags", flags), view("scalar", scalar),
                                 view("é \"q\"", empty)},
                                {{"z", "1"}, {"a", "line\nbreak"}})
                  .ok());
  const SafetensorsFile file = SafetensorsFile::open(temporary.path()).value();
  EXPECT_EQ(file.metadata(),
            (std::vector<std::pair<std::string, std::string>>{{"z", "1"}, {"a", "line\nbreak"}}));
  EXPECT_EQ(file.names(), (std::vector<std::string_view>{"scalar", "é \"q\"", "half", "flags"}));
  EXPECT_EQ(file.load(*file.find("half")).data, half.data);
  EXPECT_EQ(file.load(*file.find("half")).shape, half.shape);
  EXPECT_EQ(file.load(*file.find("scalar")).as<int64_t>()[0], scalar.as<int64_t>()[0]);
  EXPECT_EQ(file.load(*file.find("flags")).dtype, DType::boolean);
  EXPECT_EQ(file.find("é \"q\"")->shape, (Shape{0, 4}));
  for (const TensorInfo& info : file.tensors())
    EXPECT_EQ(info.begin % static_cast<uint64_t>(size_in_bytes(info.dtype)), 0u) << info.name;
  file.release_pages(*file.find("half"));
  EXPECT_EQ(file.load(*file.find("half")).data, half.data);
}

TEST(SafetensorsWrite, EqualArgumentsGiveEqualBytes) {
  const TemporaryFile temporary;
  const Tensor a = filled(DType::bf16, {2});
  ASSERT_TRUE(write_safetensors(temporary.path(), {view("a", a)}).ok());
  const std::string header = R"({"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(read_file(temporary.path()).value(), file_bytes(header + padding, "\x01\x08\x0f\x16"));
}

TEST(SafetensorsWrite, AlignsWhatIsUsedWhereItIsMapped) {
  const TemporaryFile temporary;
  std::vector<LazyTensor> tensors;
  for (const int64_t bytes : {3, 64, 12, 640, 8, 1})
    tensors.push_back({fmt::format("{}", bytes), DType::u8, {bytes}, [bytes]() -> Result<Tensor> {
                         return filled(DType::u8, {bytes});
                       }});
  ASSERT_TRUE(stream_aligned_safetensors(temporary.path(), std::move(tensors), 64).ok());
  const SafetensorsFile file = SafetensorsFile::open(temporary.path()).value();
  ASSERT_EQ(file.tensors().size(), 6u);
  for (const TensorInfo& info : file.tensors()) {
    const int64_t bytes = info.shape[0];
    const auto place =
        static_cast<int64_t>(file.bytes(info).data() - file.bytes(file.tensors()[0]).data());
    EXPECT_EQ(place % std::min<int64_t>(64, bytes & -bytes), 0) << info.name;
    EXPECT_EQ(file.load(info).data, filled(DType::u8, {bytes}).data);
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.bytes(file.tensors()[0]).data()) % 64, 0u);
}

TEST(SafetensorsWrite, BadNamesAndAFullDiskAreSentences) {
  const TemporaryFile temporary;
  const Tensor a = filled(DType::u8, {2});
  EXPECT_EQ(write_safetensors(temporary.path(), {view("a", a), view("a", a)}).error().message,
            fmt::format("cannot write {}: tensor 'a' occurs twice", temporary.path()));
  EXPECT_EQ(write_safetensors(temporary.path(), {view("\xff", a)}).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(write_safetensors(temporary.path(), {}, {{"k", "\xff"}}).error().code,
            ErrorCode::invalid_argument);
  EXPECT_FALSE(fs::exists(temporary.path()));
  EXPECT_EQ(write_safetensors("/dev/full", {view("a", a)}).error().code,
            ErrorCode::resource_exhausted);
}

// Every truncation and every change of one byte of a sound file either loads with all tensors
// inside it or is refused.
TEST(Safetensors, MutatedFilesNeverReachOutsideTheFile) {
  const std::string sound = read_file(broken("ok_metadata_padding.safetensors")).value();
  const auto check = [](const std::string& bytes) {
    const Result<SafetensorsHeader> parsed = parse(bytes);
    if (!parsed.ok()) return false;
    for (const TensorInfo& info : parsed->tensors) {
      EXPECT_LE(info.begin, info.end);
      EXPECT_LE(info.end, bytes.size());
    }
    return true;
  };
  ASSERT_TRUE(check(sound));
  for (size_t size = 0; size < sound.size(); ++size)
    EXPECT_FALSE(check(sound.substr(0, size))) << size;
  for (size_t i = 0; i < sound.size(); ++i)
    for (int value = 0; value < 256; ++value) {
      std::string mutated = sound;
      mutated[i] = static_cast<char>(value);
      check(mutated);
    }
}

}  // namespace
}  // namespace tempera
