// Runs one graph with libonnxruntime from C++. Arguments: model; number of inputs; names of the inputs, then of the outputs.
// Requests come on stdin, answers go to stdout; see ../piped.py for their form.
#include <onnxruntime_cxx_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

static size_t width(int type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return 1;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
      return 2;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32:
      return 4;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
      return 8;
    default:
      throw std::runtime_error("a tensor is of element type " + std::to_string(type) + ", which is not carried");
  }
}

// Reads so many bytes; the program ends where the stream does.
static void take(void* to, size_t bytes) {
  if (bytes && std::fread(to, 1, bytes, stdin) != bytes) std::exit(0);
}

static void give(char status, const std::string& content) {
  const uint64_t length = 1 + content.size();
  std::fwrite(&length, sizeof length, 1, stdout);
  std::fwrite(&status, 1, 1, stdout);
  std::fwrite(content.data(), 1, content.size(), stdout);
  if (std::fflush(stdout)) std::exit(1);
}

// Takes tensors from a request; they keep pointing into a copy of their values, which is aligned for any type.
static std::vector<Ort::Value> unpack(const std::vector<char>& request, int count, std::vector<std::vector<double>>& held) {
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::vector<Ort::Value> given;
  size_t at = 0;
  for (int i = 0; i < count; ++i) {
    const auto type = static_cast<ONNXTensorElementDataType>(static_cast<unsigned char>(request.at(at)));
    const size_t rank = static_cast<unsigned char>(request.at(at + 1));
    std::vector<int64_t> shape(rank);
    if (rank) std::memcpy(shape.data(), &request.at(at + 2), rank * sizeof(int64_t));
    at += 2 + rank * sizeof(int64_t);
    size_t bytes = width(type);
    for (int64_t size : shape) bytes *= size;
    held.emplace_back(bytes / sizeof(double) + 1);
    if (bytes) std::memcpy(held.back().data(), &request.at(at), bytes);
    at += bytes;
    given.push_back(Ort::Value::CreateTensor(memory, held.back().data(), bytes, shape.data(), rank, type));
  }
  return given;
}

static void pack(const Ort::Value& value, std::string& answer) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  const std::vector<int64_t> shape = info.GetShape();
  answer.push_back(static_cast<char>(info.GetElementType()));
  answer.push_back(static_cast<char>(shape.size()));
  if (!shape.empty()) answer.append(reinterpret_cast<const char*>(shape.data()), shape.size() * sizeof(int64_t));
  const size_t bytes = info.GetElementCount() * width(info.GetElementType());
  if (bytes) answer.append(static_cast<const char*>(value.GetTensorRawData()), bytes);
}

static void answerRequests(Ort::Session& session, const std::vector<const char*>& names, int inputs) {
  for (;;) {
    uint64_t length = 0;
    take(&length, sizeof length);
    std::vector<char> request(length);
    take(request.data(), length);
    try {
      std::vector<std::vector<double>> held;
      const auto given = unpack(request, inputs, held);
      const auto found = session.Run(Ort::RunOptions{nullptr}, names.data(), given.data(), inputs, names.data() + inputs,
                                     names.size() - inputs);
      std::string answer;
      for (const Ort::Value& value : found) pack(value, answer);
      give(0, answer);
    } catch (const std::exception& error) {
      give(1, error.what());
    }
  }
}

int main(int argc, char** argv) {
  const std::vector<const char*> names(argv + 3, argv + argc);
  Ort::Env environment(ORT_LOGGING_LEVEL_FATAL, "parity");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  try {
    Ort::Session session(environment, argv[1], options);
    answerRequests(session, names, std::atoi(argv[2]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
